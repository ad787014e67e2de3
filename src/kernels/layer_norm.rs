//! LayerNorm (Ba et al. 2016), with a sum before it where one is due.

use super::matmul::Rows;
use crate::gpu::{Access, Kernel, KernelSet, PlanBuilder};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    width: u32,
    count: u32,
    x_offset: u32,
    x_stride: u32,
    out_offset: u32,
    out_stride: u32,
    add_offset: u32,
    add_stride: u32,
    eps: f32,
    adds: u32,
    pad: [u32; 2],
}

/// Weight and bias of a norm, `[width]` each.
pub struct Norm {
    /// Factor.
    pub weight: wgpu::Buffer,
    /// Summand.
    pub bias: wgpu::Buffer,
}

/// The epsilon of every LayerNorm here.
pub const EPS: f32 = 1e-5;

fn kernel(set: KernelSet) -> Kernel {
    let (name, body) = match set {
        KernelSet::Plain => ("layer_norm_plain", include_str!("../../shaders/layer_norm_plain.wgsl")),
        KernelSet::Tiled => ("layer_norm_tiled", include_str!("../../shaders/layer_norm_tiled.wgsl")),
    };
    Kernel {
        name: name.into(),
        source: [include_str!("../../shaders/shared/layer_norm.wgsl"), body].join("\n"),
        access: &[Access::ReadWrite, Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel(KernelSet::Plain), kernel(KernelSet::Tiled)]
}

/// Records `x += add` (if there is an `add`), then `out = (x − mean) / sqrt(variance + eps) · weight + bias` for `count`
/// rows of `width` channels (a multiple of 4, as are offsets and strides). `out` must be another buffer than `x`.
pub fn layer_norm(
    plan: &mut PlanBuilder<'_>,
    x: Rows<'_>,
    add: Option<Rows<'_>>,
    norm: &Norm,
    out: Rows<'_>,
    width: usize,
    count: usize,
) {
    let vec4s = |words: usize| (words / 4) as u32;
    let params = Params {
        width: vec4s(width),
        count: count as u32,
        x_offset: vec4s(x.offset),
        x_stride: vec4s(x.stride),
        out_offset: vec4s(out.offset),
        out_stride: vec4s(out.stride),
        add_offset: vec4s(add.map_or(0, |a| a.offset)),
        add_stride: vec4s(add.map_or(0, |a| a.stride)),
        eps: EPS,
        adds: u32::from(add.is_some()),
        pad: [0; 2],
    };
    let set = plan.gpu().kernels();
    let grid = match set {
        KernelSet::Plain => [(count as u32).div_ceil(4), 1, 1],
        KernelSet::Tiled => [count as u32, 1, 1],
    };
    let add = add.map_or(&norm.weight, |a| a.buffer);
    let bindings = [x.buffer.into(), add.into(), (&norm.weight).into(), (&norm.bias).into(), out.buffer.into()];
    plan.dispatch(&kernel(set), &params, &bindings, grid);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;

    /// LayerNorm over the last axis of `x` (`[count, width]`).
    #[must_use]
    pub fn layer_norm(x: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, eps: f32) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        centred / (variance + eps).sqrt() * weight.unsqueeze() + bias.unsqueeze()
    }
}
