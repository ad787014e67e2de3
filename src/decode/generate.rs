//! The decode loop: one submit a step, several steps in flight, tokens handed out as they come back.

use super::Sequence;
use super::guide::Guide;
use super::sequence::state;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Plan, PlanBuilder, Readback, storage_from};
use crate::kernels::sample::{Controls, NONE, Sampler};
use crate::towers::{Layer, Rows, Tower, Workspace};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How to draw tokens and when to stop.
#[derive(Clone, Debug)]
pub struct Options {
    /// At most so many tokens.
    pub max_tokens: usize,
    /// How a token is chosen.
    pub controls: Controls,
    /// Steps submitted before the first is awaited. More hides the readback's latency, and wastes as many steps at the end.
    pub in_flight: usize,
}

/// A token that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Its number, from 0.
    pub index: usize,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// The end token was drawn.
    End,
    /// As many tokens as allowed, or the context is full.
    Length,
    /// Somebody cancelled.
    Cancelled,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Token ids, the end token left out.
    pub ids: Vec<u32>,
    /// Why it ended.
    pub stop: Stop,
    /// Milliseconds until the first token was known.
    pub prefill_ms: f64,
    /// Milliseconds from then on.
    pub decode_ms: f64,
}

/// Called between layers while plans are recorded: the zip, or nothing.
pub type Between<'a, 'w> = &'a mut dyn FnMut(&mut PlanBuilder<'_>, Layer<'w>);

/// A tower with what it takes to run it.
pub struct Runner<'t> {
    /// The device.
    pub gpu: &'t Gpu,
    /// The tower.
    pub tower: &'t Tower,
    /// Scratch memory.
    pub work: &'t Workspace,
    /// Sampling kernels for the tower's vocabulary.
    pub sampler: &'t Sampler,
    /// The tower alone beside it, if tokens are drawn with guidance.
    pub guide: Option<&'t Guide>,
}

/// Reads `prompt` into `sequence` from its start, then draws tokens until a stop rule holds.
///
/// `on_token` sees every token in order; `cancelled` is asked before each one is awaited.
///
/// # Errors
/// [`Error::PromptEmpty`], [`Error::PromptTooLong`], and whatever the device reports.
pub async fn decode<'t>(
    runner: &Runner<'t>,
    sequence: &mut Sequence,
    prompt: &[u32],
    options: &Options,
    between: Between<'_, 't>,
    cancelled: &dyn Fn() -> bool,
    on_token: &mut impl AsyncFnMut(Token) -> Result<()>,
) -> Result<Generation> {
    let gpu = runner.gpu;
    let greedy = options.controls.greedy();
    let context = sequence.capacity();
    if prompt.is_empty() {
        return Err(Error::PromptEmpty);
    }
    if prompt.len() >= context {
        return Err(Error::PromptTooLong { found: prompt.len(), context });
    }
    let started = now_ms();
    let most = options.max_tokens.min(context - prompt.len());
    let mut generation = Generation { ids: Vec::new(), stop: Stop::Length, prefill_ms: 0.0, decode_ms: 0.0 };
    if most == 0 {
        return Ok(generation);
    }
    sequence.restart_at(gpu, 0);
    options.controls.write(gpu, &sequence.controls);
    let mut last = |plan: &mut PlanBuilder<'_>, sequence: &Sequence, count: usize| {
        draw(plan, runner, greedy, sequence, count);
    };
    prefill(runner, sequence, prompt, between, &mut last).await?;

    let mut step: Option<Plan> = None;
    let mut submitted = 1;
    let mut flying = VecDeque::from([read_token(gpu, None, sequence, 0)]);
    while let Some(readback) = flying.pop_front() {
        if cancelled() {
            generation.stop = Stop::Cancelled;
            break;
        }
        while submitted < most && flying.len() + 1 < options.in_flight.max(1) {
            if step.is_none() {
                let plan = gpu.guarded("decoding", || record_step(runner, greedy, sequence, between)).await?;
                step = Some(plan);
            }
            flying.push_back(read_token(gpu, step.as_ref(), sequence, submitted));
            submitted += 1;
            sequence.grew(1);
        }
        let id = readback.words::<u32>(gpu).await?[0];
        if id == NONE {
            let message = "no token can be chosen: the logits are no numbers".into();
            return Err(Error::Gpu { stage: "sampling".into(), message });
        }
        let index = generation.ids.len();
        if index == 0 {
            generation.prefill_ms = now_ms() - started;
        }
        if options.controls.end_token == Some(id) {
            generation.stop = Stop::End;
            break;
        }
        generation.ids.push(id);
        on_token(Token { id, index }).await?;
        if flying.is_empty() && submitted < most {
            // One step at a time: the next is submitted only now.
            if step.is_none() {
                step = Some(gpu.guarded("decoding", || record_step(runner, greedy, sequence, between)).await?);
            }
            flying.push_back(read_token(gpu, step.as_ref(), sequence, submitted));
            submitted += 1;
            sequence.grew(1);
        }
    }
    // What still flies must land before the buffers are used again; its tokens are not wanted.
    for readback in flying {
        readback.words::<u32>(gpu).await?;
    }
    gpu.check()?;
    generation.decode_ms = now_ms() - started - generation.prefill_ms;
    Ok(generation)
}

/// What is recorded behind the last piece of a prompt, of so many rows.
pub(super) type Last<'a> = &'a mut dyn FnMut(&mut PlanBuilder<'_>, &Sequence, usize);

/// Reads the prompt in pieces of at most the workspace's rows.
pub(super) async fn prefill<'t>(
    runner: &Runner<'t>,
    sequence: &mut Sequence,
    prompt: &[u32],
    between: Between<'_, 't>,
    finish: Last<'_>,
) -> Result<()> {
    let Runner { gpu, work, guide, .. } = *runner;
    let ids = storage_from(gpu, "prompt", prompt);
    let rows = guide.map_or(work.rows, |guide| guide.rows().min(work.rows));
    for first in (0..prompt.len()).step_by(rows) {
        let count = rows.min(prompt.len() - first);
        let last = first + count == prompt.len();
        sequence.restart_at(gpu, first);
        gpu.guarded("prefill", || {
            let mut plan = PlanBuilder::new(gpu);
            read(&mut plan, runner, sequence, (&ids, first), count, between);
            if last {
                finish(&mut plan, sequence, count);
            }
            plan.finish().submit(gpu);
        })
        .await?;
        sequence.grew(count);
    }
    Ok(())
}

/// Records the tower, and the guide beside it, over `count` ids.
fn read<'t>(
    plan: &mut PlanBuilder<'_>,
    runner: &Runner<'t>,
    sequence: &Sequence,
    ids: (&wgpu::Buffer, usize),
    count: usize,
    between: Between<'_, 't>,
) {
    runner.tower.record(plan, runner.work, sequence, ids, count, between);
    if let Some(guide) = runner.guide {
        guide.record(plan, runner.tower, ids, count);
    }
}

/// Records a step: the token drawn last goes in, the next one comes out.
fn record_step<'t>(runner: &Runner<'t>, greedy: bool, sequence: &Sequence, between: Between<'_, 't>) -> Plan {
    let mut plan = PlanBuilder::new(runner.gpu);
    read(&mut plan, runner, sequence, (&sequence.state, state::TOKEN), 1, between);
    draw(&mut plan, runner, greedy, sequence, 1);
    plan.finish()
}

/// Records logits of the last of `count` rows and the draw of a token from them.
fn draw(plan: &mut PlanBuilder<'_>, runner: &Runner<'_>, greedy: bool, sequence: &Sequence, count: usize) {
    let Runner { tower, work, sampler, guide, .. } = *runner;
    let logits = Rows::dense(&work.logits, tower.config.vocabulary);
    tower.record_logits(plan, work, count - 1, 1, logits);
    if let Some(guide) = guide {
        guide.record_contrast(plan, tower, &work.logits, count);
    }
    sampler.record(plan, greedy, &work.logits, &sequence.state, &sequence.drawn, &sequence.controls, count);
}

/// Submits `plan`, if any, and asks for the token numbered `index`: one submit a step.
fn read_token(gpu: &Gpu, plan: Option<&Plan>, sequence: &Sequence, index: usize) -> Readback {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    if let Some(plan) = plan {
        plan.encode(&mut encoder);
    }
    Readback::submit(gpu, encoder, &sequence.drawn, index, 1)
}
