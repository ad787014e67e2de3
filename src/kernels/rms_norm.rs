//! RMSNorm, with the residual sum before it where one is due.

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

fn kernel(set: KernelSet) -> Kernel {
    let (name, body) = match set {
        KernelSet::Plain => ("rms_norm_plain", include_str!("../../shaders/rms_norm_plain.wgsl")),
        KernelSet::Tiled => ("rms_norm_tiled", include_str!("../../shaders/rms_norm_tiled.wgsl")),
    };
    Kernel {
        name: name.into(),
        source: [include_str!("../../shaders/shared/rms_norm.wgsl"), body].join("\n"),
        access: &[Access::ReadWrite, Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel(KernelSet::Plain), kernel(KernelSet::Tiled)]
}

/// Records `x += add` (if there is an `add`), then `out = x / sqrt(mean(x²) + eps) · weight` for `count` rows of `width`
/// channels (a multiple of 4, as are all offsets and strides). `out` must be another buffer than `x`.
#[allow(clippy::too_many_arguments)]
pub fn rms_norm(
    plan: &mut PlanBuilder<'_>,
    x: Rows<'_>,
    add: Option<Rows<'_>>,
    weight: &wgpu::Buffer,
    out: Rows<'_>,
    width: usize,
    count: usize,
    eps: f32,
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
        eps,
        adds: u32::from(add.is_some()),
        pad: [0; 2],
    };
    let set = plan.gpu().kernels();
    let grid = match set {
        KernelSet::Plain => [(count as u32).div_ceil(4), 1, 1],
        KernelSet::Tiled => [count as u32, 1, 1],
    };
    let add = add.map_or(weight, |a| a.buffer);
    plan.dispatch(&kernel(set), &params, &[x.buffer.into(), add.into(), weight.into(), out.buffer.into()], grid);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;

    /// `x / sqrt(mean(x²) + eps) · weight` over the last axis of `x` (`[count, width]`).
    #[must_use]
    pub fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f32) -> Tensor<2> {
        let mean = x.clone().powi_scalar(2).mean_dim(1);
        x / (mean + eps).sqrt() * weight.unsqueeze()
    }
}
