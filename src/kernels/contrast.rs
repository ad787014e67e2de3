//! Guidance: what the zipped tower says, moved away from what it would say alone.

use crate::gpu::{Access, Kernel, PlanBuilder};

/// What is pushed out of reach is so many nats lower.
pub const AWAY: f32 = 100.0;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    vocabulary: u32,
    weight: f32,
    depth: f32,
    pad: u32,
}

fn kernel() -> Kernel {
    Kernel {
        name: "contrast".into(),
        source: include_str!("../../shaders/contrast.wgsl").into(),
        access: &[Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

/// Records `logits += weight · (logits − free)` of `vocabulary` logits; those more than `depth` below the largest become [`AWAY`] less instead. A logit that is no
/// number stays none.
pub fn contrast(
    plan: &mut PlanBuilder<'_>,
    free: &wgpu::Buffer,
    logits: &wgpu::Buffer,
    vocabulary: usize,
    weight: f32,
    depth: f32,
) {
    let params = Params { vocabulary: vocabulary as u32, weight, depth, pad: 0 };
    plan.dispatch(&kernel(), &params, &[free.into(), logits.into()], [1, 1, 1]);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;

    /// `free` and `logits` `[vocabulary]`.
    #[must_use]
    pub fn contrast(free: Tensor<1>, logits: Tensor<1>, weight: f32, depth: f32) -> Tensor<1> {
        let low = logits.clone().lower(logits.clone().max() - depth);
        let lifted = logits.clone() + (logits.clone() - free) * weight;
        lifted.mask_where(low, logits - super::AWAY)
    }
}
