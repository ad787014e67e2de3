//! Drawing tokens on the device: logits never come back to the host.
//!
//! Greedy takes two dispatches, sampling six: top-k is exact (a histogram finds the threshold, ranks sort what lies above
//! it), so a seed gives the same tokens however the adapter schedules its work. Two bounds: a token 32 nats or more below
//! the likeliest is never drawn, and of more than 4096 candidates for the k-th place (all within 1/64 nat of each other)
//! an arbitrary 4096 are considered.

use crate::gpu::{Access, Gpu, Kernel, PlanBuilder, storage_zeroed};

/// Words of a controls buffer.
pub const CONTROL_WORDS: usize = 12;
/// The largest top-k.
pub const MOST_K: u32 = 128;
const LANES: u32 = 256;
const MOST_CANDIDATES: u32 = 4096;
const SCRATCH_WORDS: usize = 11_072;
/// Drawn where no token can be: none is allowed, or the logits are no numbers.
pub const NONE: u32 = u32::MAX;

/// How a token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    /// 0: always the likeliest token.
    pub temperature: f32,
    /// Only the `top_k` likeliest may be drawn (1 to 128).
    pub top_k: u32,
    /// Only the likeliest that together have this probability may be drawn.
    pub top_p: f32,
    /// The same seed draws the same tokens.
    pub seed: u64,
    /// The token that ends a sequence.
    pub end_token: Option<u32>,
    /// Ids from here on are never drawn.
    pub limit: Option<u32>,
    /// This id is never drawn.
    pub banned: Option<u32>,
    /// The end token is not drawn among the first so many.
    pub min_tokens: u32,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 1,
            top_p: 1.0,
            seed: 0,
            end_token: None,
            limit: None,
            banned: None,
            min_tokens: 0,
        }
    }
}

impl Controls {
    /// Whether chance plays no part.
    #[must_use]
    pub fn greedy(&self) -> bool {
        self.temperature <= 0.0 || self.top_k <= 1
    }

    /// Writes the controls on the queue's time line.
    pub fn write(&self, gpu: &Gpu, buffer: &wgpu::Buffer) {
        let words: [u32; CONTROL_WORDS] = [
            self.temperature.to_bits(),
            self.top_k,
            self.top_p.to_bits(),
            self.seed as u32,
            (self.seed >> 32) as u32,
            self.end_token.unwrap_or(NONE),
            self.limit.unwrap_or(0),
            self.banned.unwrap_or(NONE),
            self.min_tokens,
            0,
            0,
            0,
        ];
        gpu.queue().write_buffer(buffer, 0, bytemuck::cast_slice(&words));
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    vocabulary: u32,
    advance: u32,
    pad: [u32; 2],
}

fn stage(name: &'static str, body: &'static str) -> Kernel {
    Kernel {
        name: format!("sample_{name}"),
        source: [include_str!("../../shaders/shared/sample.wgsl"), body].join("\n"),
        access: &[Access::Read, Access::Read, Access::ReadWrite, Access::ReadWrite, Access::ReadWrite],
    }
}

fn partial() -> (Kernel, u32) {
    (stage("partial", include_str!("../../shaders/sample_partial.wgsl")), LANES / 16)
}

fn first() -> (Kernel, u32) {
    (stage("first", include_str!("../../shaders/sample_first.wgsl")), 1)
}

fn sampled() -> [(Kernel, u32); 5] {
    [
        (stage("histogram", include_str!("../../shaders/sample_histogram.wgsl")), LANES / 16),
        (stage("threshold", include_str!("../../shaders/sample_threshold.wgsl")), 1),
        (stage("collect", include_str!("../../shaders/sample_collect.wgsl")), LANES / 16),
        (stage("rank", include_str!("../../shaders/sample_rank.wgsl")), MOST_CANDIDATES / 64),
        (stage("draw", include_str!("../../shaders/sample_draw.wgsl")), 1),
    ]
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    [partial(), first()].into_iter().chain(sampled()).map(|(kernel, _)| kernel).collect()
}

/// Sampling for one vocabulary.
pub struct Sampler {
    vocabulary: usize,
    scratch: wgpu::Buffer,
}

impl Sampler {
    /// Scratch memory for logits of `vocabulary` tokens.
    #[must_use]
    pub fn new(gpu: &Gpu, vocabulary: usize) -> Self {
        Self { vocabulary, scratch: storage_zeroed(gpu, "sampler", SCRATCH_WORDS) }
    }

    /// Records one draw from `logits` (`[vocabulary]`): the token goes to `state[1]` and `drawn[state[3]]`, `state[2]`
    /// becomes 1 if it is the end token, `state[3]` counts it, and `state[0]` moves on by `advance` rows. The token is [`NONE`] where
    /// none may be drawn, or a logit of one that may be is NaN or +infinite. `controls` holds what [`Controls::write`] wrote; it may change
    /// between replays, except between `greedy` and not.
    #[allow(clippy::too_many_arguments)]
    pub fn record(
        &self,
        plan: &mut PlanBuilder<'_>,
        greedy: bool,
        logits: &wgpu::Buffer,
        state: &wgpu::Buffer,
        drawn: &wgpu::Buffer,
        controls: &wgpu::Buffer,
        advance: usize,
    ) {
        let params = Params { vocabulary: self.vocabulary as u32, advance: advance as u32, pad: [0; 2] };
        let mut stages = vec![partial()];
        if greedy {
            stages.push(first());
        } else {
            stages.extend(sampled());
        }
        for (kernel, groups) in stages {
            let bindings = [logits.into(), controls.into(), state.into(), drawn.into(), (&self.scratch).into()];
            plan.dispatch(&kernel, &params, &bindings, [groups, 1, 1]);
        }
    }
}

/// The same on the host.
pub mod reference {
    use super::{Controls, MOST_K, NONE};

    fn pcg(v: u32) -> u32 {
        let s = v.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        let w = ((s >> ((s >> 28) + 4)) ^ s).wrapping_mul(277_803_737);
        (w >> 22) ^ w
    }

    /// The ids that may be drawn as token `number`, likeliest first, with their probabilities.
    #[must_use]
    pub fn distribution(logits: &[f32], controls: &Controls, number: u32) -> Vec<(u32, f64)> {
        let allowed = |id: u32| {
            controls.limit.is_none_or(|limit| id < limit)
                && controls.banned != Some(id)
                && (controls.end_token.unwrap_or(NONE) != id || number >= controls.min_tokens)
        };
        let mut ids: Vec<u32> = (0..logits.len() as u32).filter(|id| allowed(*id)).collect();
        ids.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b)));
        ids.truncate(if controls.greedy() { 1 } else { controls.top_k.clamp(1, MOST_K) as usize });
        let top = ids.first().map_or(0.0, |id| f64::from(logits[*id as usize]));
        let temperature = f64::from(controls.temperature.max(1e-6));
        let weights: Vec<f64> =
            ids.iter().map(|id| ((f64::from(logits[*id as usize]) - top) / temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut kept = Vec::new();
        let mut sum = 0.0;
        for (id, weight) in ids.into_iter().zip(weights) {
            sum += weight;
            kept.push((id, weight));
            if sum >= f64::from(controls.top_p) * total {
                break;
            }
        }
        kept.into_iter().map(|(id, weight)| (id, weight / sum)).collect()
    }

    /// Token `number`.
    #[must_use]
    pub fn draw(logits: &[f32], controls: &Controls, number: u32) -> u32 {
        let random = pcg(pcg(pcg(controls.seed as u32) ^ (controls.seed >> 32) as u32) ^ number);
        let mut left = f64::from(random >> 8) / f64::from(1 << 24);
        let kept = distribution(logits, controls, number);
        for (id, probability) in &kept {
            left -= probability;
            if left < 0.0 {
                return *id;
            }
        }
        kept.last().map_or(0, |(id, _)| *id)
    }
}
