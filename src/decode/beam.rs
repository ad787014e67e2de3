//! Beam decoding: several sequences of one tower go on side by side, and the host chooses, from their logits, which tokens follow which.
//!
//! Each alive hypothesis has a lane: a sequence, logits and a recorded step of its own. Where a hypothesis goes on in two ways, the second takes a
//! free lane and gets a copy of the keys and values so far.

use super::generate::prefill;
use super::sequence::state;
use super::{Runner, Sequence, Stop};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Plan, PlanBuilder, Readback, storage_zeroed};
use crate::towers::{Layer, Rows};

/// Called between layers while plans are recorded, with the lane and the state of the sequence they are for.
pub type BetweenLanes<'a, 'w> = &'a mut dyn FnMut(&mut PlanBuilder<'_>, Layer<'w>, usize, &wgpu::Buffer);

/// What a step of a lane leaves beside the logits, requested with them; nothing, where nobody watches.
pub type Beside<'a> = &'a dyn Fn(usize) -> Option<Readback>;

/// What the host chooses from: one hypothesis after a step.
pub struct Row {
    /// `[vocabulary]`
    pub logits: Vec<f32>,
    /// What was asked for beside.
    pub beside: Vec<f32>,
}

/// A hypothesis that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Which of the hypotheses before it continues.
    pub parent: usize,
    /// By which token.
    pub token: u32,
}

/// Lanes beyond the first, which is the caller's own sequence.
pub struct Lanes {
    sequences: Vec<Sequence>,
    logits: Vec<wgpu::Buffer>,
}

impl Lanes {
    /// `count` lanes in all, at least one; `sequence` makes another sequence.
    #[must_use]
    pub fn new(gpu: &Gpu, count: usize, vocabulary: usize, sequence: &dyn Fn() -> Sequence) -> Self {
        Self {
            sequences: (1..count).map(|_| sequence()).collect(),
            logits: (0..count.max(1)).map(|_| storage_zeroed(gpu, "lane's logits", vocabulary)).collect(),
        }
    }

    /// How many hypotheses fit.
    #[must_use]
    pub fn count(&self) -> usize {
        self.logits.len()
    }
}

/// Reads `prompt` into the lane `first`, then asks `choose` again and again: it sees a row for each hypothesis alive and
/// says which go on, at most [`Lanes::count`]; none ends it. At most `max_tokens` tokens.
///
/// # Errors
/// [`Error::PromptEmpty`], [`Error::PromptTooLong`], what `choose` returns, and whatever the device reports.
#[allow(clippy::too_many_arguments)]
pub async fn decode_beam<'t>(
    runner: &Runner<'t>,
    first: &mut Sequence,
    lanes: &mut Lanes,
    prompt: &[u32],
    max_tokens: usize,
    between: BetweenLanes<'_, 't>,
    beside: Beside<'_>,
    cancelled: &dyn Fn() -> bool,
    choose: &mut dyn FnMut(Vec<Row>) -> Result<Vec<Next>>,
) -> Result<Stop> {
    let Runner { gpu, tower, work, .. } = *runner;
    let Lanes { sequences, logits } = lanes;
    let mut sequences: Vec<&mut Sequence> = std::iter::once(first).chain(sequences).collect();
    let context = sequences.iter().map(|s| s.capacity()).min().unwrap_or(0);
    if prompt.is_empty() {
        return Err(Error::PromptEmpty);
    }
    if prompt.len() >= context {
        return Err(Error::PromptTooLong { found: prompt.len(), context });
    }
    let vocabulary = tower.config.vocabulary;
    let record_state = sequences[0].state.clone();
    sequences[0].restart_at(gpu, 0);
    prefill(
        runner,
        sequences[0],
        prompt,
        &mut |plan, layer| between(plan, layer, 0, &record_state),
        &mut |plan, _, count| tower.record_logits(plan, work, count - 1, 1, Rows::dense(&logits[0], vocabulary)),
    )
    .await?;
    let mut steps: Vec<Option<Plan>> = (0..logits.len()).map(|_| None).collect();
    let mut alive = vec![0];
    for _ in 0..max_tokens.min(context - prompt.len()) {
        if cancelled() {
            return Ok(Stop::Cancelled);
        }
        // All are under way before the first is awaited.
        let copy = |lane: usize| {
            let encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            (Readback::submit(gpu, encoder, &logits[lane], 0, vocabulary), beside(lane))
        };
        let requested: Vec<_> = alive.iter().map(|lane| copy(*lane)).collect();
        let mut rows = Vec::with_capacity(alive.len());
        for (logits, beside) in requested {
            let logits = logits.words(gpu).await?;
            let beside = if let Some(beside) = beside { beside.words(gpu).await? } else { Vec::new() };
            rows.push(Row { logits, beside });
        }
        let next = choose(rows)?;
        if next.is_empty() {
            gpu.check()?;
            return Ok(Stop::End);
        }
        let taken = settle(&alive, &next, logits.len());
        for (lane, from) in &taken {
            if lane != from {
                let length = sequences[*from].len();
                copy_cache(gpu, sequences[*from], sequences[*lane], length);
                sequences[*lane].restart_at(gpu, length);
            }
        }
        for ((lane, _), next) in taken.iter().zip(&next) {
            let sequence = &mut sequences[*lane];
            sequence.put(gpu, next.token);
            if steps[*lane].is_none() {
                let plan = gpu.guarded("decoding", || {
                    let mut plan = PlanBuilder::new(gpu);
                    let input = (&sequence.state, state::TOKEN);
                    let mut between =
                        |plan: &mut PlanBuilder<'_>, layer: Layer<'t>| between(plan, layer, *lane, &sequence.state);
                    tower.record(&mut plan, work, sequence, input, 1, &mut between);
                    tower.record_logits(&mut plan, work, 0, 1, Rows::dense(&logits[*lane], vocabulary));
                    plan.finish()
                });
                steps[*lane] = Some(plan.await?);
            }
            if let Some(plan) = &steps[*lane] {
                plan.submit(gpu);
            }
            sequence.grew(1);
        }
        alive = taken.into_iter().map(|(lane, _)| lane).collect();
    }
    gpu.check()?;
    Ok(Stop::Length)
}

/// The lane of each hypothesis that goes on, and the lane that its past is in: the first child keeps its parent's lane, others get free ones.
fn settle(alive: &[usize], next: &[Next], lanes: usize) -> Vec<(usize, usize)> {
    let mut free: Vec<usize> = (0..lanes).rev().filter(|lane| !next.iter().any(|n| alive[n.parent] == *lane)).collect();
    let mut kept = vec![false; lanes];
    next.iter()
        .filter_map(|n| {
            let from = alive[n.parent];
            let lane = if std::mem::replace(&mut kept[from], true) { free.pop()? } else { from };
            Some((lane, from))
        })
        .collect()
}

/// Copies the first `rows` keys and values of every layer.
fn copy_cache(gpu: &Gpu, from: &Sequence, to: &Sequence, rows: usize) {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let row = 64 * size_of::<f32>() as u64;
    for (from, to) in from.cache.layers.iter().zip(&to.cache.layers) {
        let (there, here) = (from.capacity as u64 * row, to.capacity as u64 * row);
        for (source, target) in [(&from.keys, &to.keys), (&from.values, &to.values)] {
            for head in 0..source.size() / there {
                encoder.copy_buffer_to_buffer(source, head * there, target, head * here, rows as u64 * row);
            }
        }
    }
    gpu.queue().submit([encoder.finish()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(parents: &[usize]) -> Vec<Next> {
        parents.iter().map(|parent| Next { parent: *parent, token: 7 }).collect()
    }

    #[test]
    fn first_children_keep_their_lane_and_others_get_free_ones() {
        assert_eq!(settle(&[0], &next(&[0]), 1), [(0, 0)]);
        assert_eq!(settle(&[0], &next(&[0, 0, 0]), 3), [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(settle(&[0, 1, 2], &next(&[2, 0, 2]), 3), [(2, 2), (0, 0), (1, 2)]);
        assert_eq!(settle(&[2, 1], &next(&[1, 1]), 3), [(1, 1), (0, 1)]);
    }
}
