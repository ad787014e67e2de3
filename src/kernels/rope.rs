//! Rotary position embedding (Su et al. 2021) and the append to a KV cache, in one dispatch.

use super::matmul::Rows;
use crate::gpu::{Access, Kernel, PlanBuilder};

/// What a row of `q | k | v` looks like, and the caches it goes to.
#[derive(Clone, Copy, Debug)]
pub struct RopeShape {
    /// Query heads (may be 0: a memory's keys and values).
    pub heads: usize,
    /// Key and value heads (may be 0: queries alone).
    pub kv_heads: usize,
    /// Positions that the caches hold.
    pub capacity: usize,
    /// Rows.
    pub count: usize,
    /// Pairs are neighbours (2i, 2i + 1) instead of halves (i, i + 32).
    pub interleaved: bool,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    heads: u32,
    kv_heads: u32,
    capacity: u32,
    offset: u32,
    stride: u32,
    interleaved: u32,
    pad: [u32; 2],
}

fn kernel() -> Kernel {
    Kernel {
        name: "rope_append".into(),
        source: include_str!("../../shaders/rope_append.wgsl").into(),
        access: &[Access::ReadWrite, Access::Read, Access::ReadWrite, Access::ReadWrite, Access::Read],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

/// Cosines and sines, `[positions, 32, 2]`: the angle at `position` of pair `i` is `position · base^(-i/32)`. Computed on
/// the host in 64 bits, since a GPU's own sine is coarse at large angles.
#[must_use]
pub fn table(base: f64, positions: usize) -> Vec<f32> {
    scaled_table(base, 1.0, positions)
}

/// As [`table`], with positions multiplied by `scale`.
#[must_use]
pub fn scaled_table(base: f64, scale: f64, positions: usize) -> Vec<f32> {
    let angle = |position: usize, i: u32| position as f64 * scale * base.powf(-f64::from(i) / 32.0);
    let pair = |a: f64| [a.cos() as f32, a.sin() as f32];
    (0..positions).flat_map(|p| (0..32).flat_map(move |i| pair(angle(p, i)))).collect()
}

/// A table that turns nothing, for attention without positions.
#[must_use]
pub fn identity_table(positions: usize) -> Vec<f32> {
    [1.0, 0.0].repeat(positions * 32)
}

/// Records: each row of `qkv` (q of `heads · 64` channels, k and v of `kv_heads · 64` each) at position `state[0] + t`
/// gets its q rotated in place by `angles` ([`table`]), its rotated k and its v written to `keys` and `values`
/// (`[kv_heads, capacity, 64]`). Rows beyond the capacity write nothing.
pub fn rope_append(
    plan: &mut PlanBuilder<'_>,
    qkv: Rows<'_>,
    angles: &wgpu::Buffer,
    keys: &wgpu::Buffer,
    values: &wgpu::Buffer,
    state: &wgpu::Buffer,
    shape: RopeShape,
) {
    let pairs = (shape.heads + 2 * shape.kv_heads) * 32;
    let params = Params {
        heads: shape.heads as u32,
        kv_heads: shape.kv_heads as u32,
        capacity: shape.capacity as u32,
        offset: qkv.offset as u32,
        stride: qkv.stride as u32,
        interleaved: u32::from(shape.interleaved),
        pad: [0; 2],
    };
    let bindings = [qkv.buffer.into(), angles.into(), keys.into(), values.into(), state.into()];
    plan.dispatch(&kernel(), &params, &bindings, [pairs.div_ceil(64) as u32, shape.count as u32, 1]);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;

    /// Rotates `x` (`[rows, heads, 64]`) by `cos` and `sin` (`[rows, 32]`).
    #[must_use]
    pub fn rotate(x: Tensor<3>, cos: Tensor<2>, sin: Tensor<2>, interleaved: bool) -> Tensor<3> {
        let [rows, heads, _] = x.dims();
        let (cos, sin): (Tensor<3>, Tensor<3>) = (cos.unsqueeze_dim(1), sin.unsqueeze_dim(1));
        let (pairs, axis) = if interleaved { ([32, 2], 3) } else { ([2, 32], 2) };
        let x: Tensor<4> = x.reshape([rows, heads, pairs[0], pairs[1]]);
        let part = |i: usize| -> Tensor<3> { x.clone().narrow(axis, i, 1).squeeze_dim(axis) };
        let (a, b) = (part(0), part(1));
        let turned = [a.clone() * cos.clone() - b.clone() * sin.clone(), a * sin + b * cos];
        Tensor::stack::<4>(turned.to_vec(), axis).reshape([rows, heads, 64])
    }
}
