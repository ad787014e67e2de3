//! One pre-norm transformer block: x += attention(norm(x)), x += SwiGLU(norm(x)).

use super::Workspace;
use crate::decode::LayerCache;
use crate::gpu::PlanBuilder;
use crate::kernels::attention::{AttentionShape, Mask, attention};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::kernels::rms_norm::rms_norm;
use crate::kernels::rope::{RopeShape, rope_append};

/// Channels of a head, in both towers and in the zip.
pub const HEAD: usize = 64;

/// The shape of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockConfig {
    /// Channels of the hidden states.
    pub width: usize,
    /// Query heads of 64 channels.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Channels inside the feed-forward part.
    pub ffn: usize,
    /// RMSNorm's epsilon.
    pub eps: f32,
    /// Rotary pairs are neighbours (2i, 2i + 1) instead of halves (i, i + 32).
    pub interleaved: bool,
}

impl BlockConfig {
    /// Channels of queries, keys and values together.
    #[must_use]
    pub fn qkv(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * HEAD
    }
}

/// A block's weights on the device.
pub struct Block {
    /// `[width]`
    pub attention_norm: wgpu::Buffer,
    /// `[heads·64 + 2·kv_heads·64, width]`: queries, keys, values.
    pub qkv: GpuMatrix,
    /// `[width, heads·64]`
    pub output: GpuMatrix,
    /// `[width]`
    pub ffn_norm: wgpu::Buffer,
    /// `[2·ffn, width]`: gate, then up.
    pub gate_up: GpuMatrix,
    /// `[width, ffn]`
    pub down: GpuMatrix,
}

impl Block {
    /// Records the block for `count` rows of the hidden states in `work.x`, whose first row stands at the position in
    /// word 0 of `state`; keys and values are appended to `cache`. Eight dispatches.
    #[allow(clippy::too_many_arguments)]
    pub fn record(
        &self,
        plan: &mut PlanBuilder<'_>,
        config: &BlockConfig,
        work: &Workspace,
        rope: &wgpu::Buffer,
        cache: &LayerCache,
        state: &wgpu::Buffer,
        count: usize,
    ) {
        let BlockConfig { width, heads, kv_heads, ffn, eps, interleaved } = *config;
        let x = Rows::dense(&work.x, width);
        let normed = Rows::dense(&work.normed, width);
        let qkv = Rows::dense(&work.qkv, config.qkv());
        let mixed = Rows::dense(&work.mixed, heads * HEAD);
        let hidden = Rows::dense(&work.hidden, ffn);

        rms_norm(plan, x, None, &self.attention_norm, normed, width, count, eps);
        matmul(plan, &self.qkv, normed, qkv, count, Epilogue::Store, None);
        let capacity = cache.capacity;
        let shape = RopeShape { heads, kv_heads, capacity, count, interleaved };
        rope_append(plan, qkv, rope, &cache.keys, &cache.values, state, shape);
        let shape = AttentionShape { heads, kv_heads, capacity, count, mask: Mask::Causal };
        attention(plan, qkv, &cache.keys, &cache.values, state, mixed, shape);
        matmul(plan, &self.output, mixed, x, count, Epilogue::Add, None);

        rms_norm(plan, x, None, &self.ffn_norm, normed, width, count, eps);
        matmul(plan, &self.gate_up, normed, hidden, count, Epilogue::SwiGlu, None);
        matmul(plan, &self.down, hidden, x, count, Epilogue::Add, None);
    }
}
