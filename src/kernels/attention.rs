//! Attention over a cache of keys and values: causal self-attention, bidirectional encoders, and the zip's
//! cross-attention. Online softmax (Milakov and Gimelshein 2018): scores never reach memory.

use super::matmul::Rows;
use crate::gpu::{Access, Kernel, KernelSet, PlanBuilder};

/// What a row may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Row `t` sees positions `0 ..= state[0] + t`.
    Causal,
    /// Every row sees positions `0 .. n` (`n` at least 1).
    Full(usize),
}

/// Shapes of queries and caches. Heads have 64 channels.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; query head `h` reads key head `h / (heads / kv_heads)`.
    pub kv_heads: usize,
    /// Positions that the caches hold.
    pub capacity: usize,
    /// Rows.
    pub count: usize,
    /// What they see.
    pub mask: Mask,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    heads: u32,
    group: u32,
    capacity: u32,
    count: u32,
    q_offset: u32,
    q_stride: u32,
    out_offset: u32,
    out_stride: u32,
    full: u32,
    pad: [u32; 3],
}

#[derive(Clone, Copy)]
enum Variant {
    Plain,
    Step,
    Tiled,
}

/// Up to so many rows the positions are split over invocations: fewer rows than that leave cores idle.
const FEW_ROWS: usize = 2;

fn kernel(variant: Variant) -> Kernel {
    let (name, body) = match variant {
        Variant::Plain => ("attention_plain", include_str!("../../shaders/attention_plain.wgsl")),
        Variant::Step => ("attention_step", include_str!("../../shaders/attention_step.wgsl")),
        Variant::Tiled => ("attention_tiled", include_str!("../../shaders/attention_tiled.wgsl")),
    };
    Kernel {
        name: name.into(),
        source: [include_str!("../../shaders/shared/attention.wgsl"), body].join("\n"),
        access: &[Access::Read, Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    [Variant::Plain, Variant::Step, Variant::Tiled].map(kernel).to_vec()
}

/// Records `out[t, h] = softmax(q[t, h] · Kᵀ / 8) · V` for `count` rows of `q` (`[count, heads · 64]`) over `keys` and
/// `values` (`[kv_heads, capacity, 64]`) into `out` (`[count, heads · 64]`). Offsets and strides are multiples of 4.
pub fn attention(
    plan: &mut PlanBuilder<'_>,
    q: Rows<'_>,
    keys: &wgpu::Buffer,
    values: &wgpu::Buffer,
    state: &wgpu::Buffer,
    out: Rows<'_>,
    shape: AttentionShape,
) {
    let AttentionShape { heads, kv_heads, capacity, count, mask } = shape;
    let (rows, heads_u32) = (count as u32, heads as u32);
    let (variant, grid) = match plan.gpu().kernels() {
        KernelSet::Tiled => (Variant::Tiled, [heads_u32, rows, 1]),
        KernelSet::Plain if count <= FEW_ROWS => (Variant::Step, [heads_u32, rows, 1]),
        KernelSet::Plain => (Variant::Plain, [heads_u32, rows.div_ceil(4), 1]),
    };
    let params = Params {
        heads: heads_u32,
        group: (heads / kv_heads) as u32,
        capacity: capacity as u32,
        count: rows,
        q_offset: (q.offset / 4) as u32,
        q_stride: (q.stride / 4) as u32,
        out_offset: (out.offset / 4) as u32,
        out_stride: (out.stride / 4) as u32,
        full: if let Mask::Full(n) = mask { n as u32 } else { 0 },
        pad: [0; 3],
    };
    let bindings = [q.buffer.into(), keys.into(), values.into(), state.into(), out.buffer.into()];
    plan.dispatch(&kernel(variant), &params, &bindings, grid);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::{Tensor, activation};

    /// `q` `[rows, heads, 64]`, `keys` and `values` `[kv_heads, positions, 64]`, `hidden` `[rows, positions]` (0 where a
    /// position is seen, a large negative number where not); returns `[rows, heads · 64]`.
    #[must_use]
    pub fn attention(q: Tensor<3>, keys: Tensor<3>, values: Tensor<3>, hidden: Tensor<2>) -> Tensor<2> {
        let [rows, heads, _] = q.dims();
        let [kv_heads, positions, _] = keys.dims();
        let group = heads / kv_heads;
        let spread = |x: Tensor<3>| -> Tensor<3> {
            x.unsqueeze_dim::<4>(1).repeat_dim(1, group).reshape([heads, positions, 64])
        };
        let scores = q.swap_dims(0, 1).matmul(spread(keys).swap_dims(1, 2)) * 0.125 + hidden.unsqueeze_dim(0);
        let mixed = activation::softmax(scores, 2).matmul(spread(values));
        mixed.swap_dims(0, 1).reshape([rows, heads * 64])
    }
}
