//! The sum of overlapping windows: the last step of an inverse STFT.

use crate::gpu::{Access, Kernel, PlanBuilder};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    size: u32,
    hop: u32,
    count: u32,
    pad: u32,
}

fn kernel() -> Kernel {
    Kernel {
        name: "overlap_add".into(),
        source: include_str!("../../shaders/overlap_add.wgsl").into(),
        access: &[Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

/// Records `out[s] = Σ windows[t, s − t · hop]` of `count` windows (at least 1) of `size` samples, into `(count − 1) · hop + size` samples.
pub fn overlap_add(
    plan: &mut PlanBuilder<'_>,
    windows: &wgpu::Buffer,
    out: &wgpu::Buffer,
    size: usize,
    hop: usize,
    count: usize,
) {
    let params = Params { size: size as u32, hop: hop as u32, count: count as u32, pad: 0 };
    let samples = (count - 1) * hop + size;
    plan.dispatch(&kernel(), &params, &[windows.into(), out.into()], [samples.div_ceil(64) as u32, 1, 1]);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;

    /// `windows` `[count, size]`; returns `[(count − 1) · hop + size]`.
    #[must_use]
    pub fn overlap_add(windows: Tensor<2>, hop: usize) -> Tensor<1> {
        let [count, size] = windows.dims();
        let samples = (count - 1) * hop + size;
        let device = windows.device();
        let zeros = |n: usize| Tensor::<1>::zeros([n], &device);
        (0..count).fold(zeros(samples), |sum, t| {
            let window: Tensor<1> = windows.clone().narrow(0, t, 1).squeeze_dim(0);
            sum + Tensor::cat(vec![zeros(t * hop), window, zeros(samples - t * hop - size)], 0)
        })
    }
}
