//! One link: gated cross-attention from a layer of one tower to a layer of the other.

use super::Watch;
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed};
use crate::kernels::attention::{AttentionShape, Mask, attention};
use crate::kernels::attention_weights::{WeightsShape, attention_weights};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::kernels::rms_norm::rms_norm;
use crate::kernels::rope::{self, RopeShape, rope_append};
use crate::towers::Layer;
use std::cell::Cell;

/// Channels of a head.
const HEAD: usize = 64;

/// Where a link starts and ends, and how it sees positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSpec {
    /// Tower and layer (1 is the first) whose states are read.
    pub source: (usize, usize),
    /// Tower and layer whose states are added to.
    pub target: (usize, usize),
    /// Heads of 64 channels.
    pub heads: usize,
    /// Rotary position of a source row: its index in its own stream times this. With the scales of both sides chosen so
    /// that rows meant together get near positions, the diagonal is easy to learn.
    pub source_scale: f64,
    /// The same for target rows.
    pub target_scale: f64,
}

/// Base of the links' rotary angles.
const ROPE_BASE: f64 = 10_000.0;
/// RMSNorm's epsilon.
const EPS: f32 = 1e-5;

/// A link's weights on the device. `inner` is `heads · 64`.
pub struct Link {
    /// Its place.
    pub spec: LinkSpec,
    /// `[source width]`
    pub source_norm: wgpu::Buffer,
    /// `[target width]`
    pub target_norm: wgpu::Buffer,
    /// `[inner, target width]`
    pub query: GpuMatrix,
    /// `[2 · inner, source width]`: keys, then values.
    pub key_value: GpuMatrix,
    /// `[target width, inner]`
    pub output: GpuMatrix,
    /// `tanh` of the learned scalar: 0 is shut, and the target tower then runs as if alone.
    pub gate: f32,
}

/// Keys and values of the source positions so far, `[heads, capacity, 64]` each: computed once, read at every step.
pub struct Memory {
    /// Rotated keys.
    pub keys: wgpu::Buffer,
    /// Values.
    pub values: wgpu::Buffer,
    /// Positions that fit.
    pub capacity: usize,
    held: Cell<usize>,
    source_rope: wgpu::Buffer,
    target_rope: wgpu::Buffer,
}

/// Target positions that the table of angles covers.
const TARGET_POSITIONS: usize = 2048;

impl Memory {
    /// Positions that may be attended to.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.get()
    }

    pub(super) fn hold(&self, positions: usize) {
        debug_assert!(positions <= self.capacity, "{positions} positions in a memory of {}", self.capacity);
        self.held.set(positions.min(self.capacity));
    }
}

/// Scratch memory that the links share, since one runs at a time.
pub struct LinkWork {
    /// Normed states `[rows, width]`.
    normed: wgpu::Buffer,
    /// Keys and values, or queries `[rows, 2 · inner]`.
    projected: wgpu::Buffer,
    /// Attention's output `[rows, inner]`.
    mixed: wgpu::Buffer,
}

impl LinkWork {
    pub(super) fn new(gpu: &Gpu, links: &[Link], rows: usize) -> Self {
        let widest = |width: fn(&Link) -> usize| links.iter().map(width).max().unwrap_or(0) * rows;
        Self {
            normed: storage_zeroed(gpu, "link norm", widest(|l| l.query.columns.max(l.key_value.columns))),
            projected: storage_zeroed(gpu, "link projection", widest(|l| l.key_value.rows)),
            mixed: storage_zeroed(gpu, "link mix", widest(|l| l.query.rows)),
        }
    }
}

impl Link {
    /// An empty memory for this link.
    #[must_use]
    pub fn memory(&self, gpu: &Gpu, capacity: usize) -> Memory {
        let part = |label: &str| storage_zeroed(gpu, label, self.spec.heads * capacity * HEAD);
        let angles = |scale: f64, positions: usize| rope::scaled_table(ROPE_BASE, scale, positions);
        Memory {
            keys: part("link keys"),
            values: part("link values"),
            capacity,
            held: Cell::new(0),
            source_rope: storage_from(gpu, "source angles", &angles(self.spec.source_scale, capacity)),
            target_rope: storage_from(gpu, "target angles", &angles(self.spec.target_scale, TARGET_POSITIONS)),
        }
    }

    /// Records the source side: keys and values of `layer`'s rows enter `memory` at the rows' positions.
    pub fn remember(
        &self,
        plan: &mut PlanBuilder<'_>,
        layer: &Layer<'_>,
        state: &wgpu::Buffer,
        memory: &Memory,
        work: &LinkWork,
    ) {
        let (width, inner) = (self.key_value.columns, self.key_value.rows / 2);
        let normed = Rows::dense(&work.normed, width);
        let projected = Rows::dense(&work.projected, 2 * inner);
        rms_norm(plan, layer.x, None, &self.source_norm, normed, width, layer.count, EPS);
        matmul(plan, &self.key_value, normed, projected, layer.count, Epilogue::Store, None);
        // A row of keys and values without queries: the same kernel that fills a tower's own cache.
        let shape = RopeShape {
            heads: 0,
            kv_heads: self.spec.heads,
            capacity: memory.capacity,
            count: layer.count,
            interleaved: true,
        };
        rope_append(plan, projected, &memory.source_rope, &memory.keys, &memory.values, state, shape);
    }

    /// Records the target side: `x += tanh(gate) · o(attention(q(norm(x)), keys, values))` over all that `memory` holds.
    /// Where it holds nothing, nothing is added. `watch`, for one row: the weights are written down as well.
    pub fn attend(
        &self,
        plan: &mut PlanBuilder<'_>,
        layer: &Layer<'_>,
        state: &wgpu::Buffer,
        memory: &Memory,
        work: &LinkWork,
        watch: Option<&Watch>,
    ) {
        let (held, heads, count) = (memory.held(), self.spec.heads, layer.count);
        if held == 0 {
            return;
        }
        let (width, inner) = (self.query.columns, self.query.rows);
        let normed = Rows::dense(&work.normed, width);
        let query = Rows::dense(&work.projected, inner);
        let mixed = Rows::dense(&work.mixed, inner);
        rms_norm(plan, layer.x, None, &self.target_norm, normed, width, count, EPS);
        matmul(plan, &self.query, normed, query, count, Epilogue::Store, None);
        let (keys, values, capacity) = (&memory.keys, &memory.values, memory.capacity);
        // Queries alone: the caches are only named, not written.
        let shape = RopeShape { heads, kv_heads: 0, capacity: TARGET_POSITIONS, count, interleaved: true };
        rope_append(plan, query, &memory.target_rope, &work.mixed, &work.normed, state, shape);
        if let Some(watch) = watch {
            let shape = WeightsShape { heads, capacity, held, rows: watch.rows };
            attention_weights(plan, query, keys, state, &watch.scratch, &watch.weights, shape);
        }
        let shape = AttentionShape { heads, kv_heads: heads, capacity, count, mask: Mask::Full(held) };
        attention(plan, query, keys, values, state, mixed, shape);
        matmul(plan, &self.output, mixed, layer.x, count, Epilogue::GatedAdd(self.gate), None);
    }
}
