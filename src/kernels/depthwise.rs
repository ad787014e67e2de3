//! Depthwise convolution over time: the first half of a ConvNeXt block.

use crate::gpu::{Access, Gpu, Kernel, PlanBuilder, storage_from};

/// Weights of one depthwise convolution.
pub struct Depthwise {
    width: usize,
    taps: usize,
    dilation: usize,
    weight: wgpu::Buffer,
    bias: wgpu::Buffer,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    width: u32,
    count: u32,
    taps: u32,
    dilation: u32,
}

fn kernel() -> Kernel {
    Kernel {
        name: "depthwise".into(),
        source: include_str!("../../shaders/depthwise.wgsl").into(),
        access: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

impl Depthwise {
    /// From `weight` `[width, taps]` (PyTorch's order; an odd number of taps) and `bias` `[width]`; `width` is a multiple of 4.
    #[must_use]
    pub fn new(gpu: &Gpu, weight: &[f32], bias: &[f32], dilation: usize) -> Self {
        let width = bias.len();
        let taps = weight.len() / width.max(1);
        // Taps outermost, so that neighbouring channels lie together.
        let turned: Vec<f32> = (0..taps).flat_map(|k| (0..width).map(move |c| weight[c * taps + k])).collect();
        Self {
            width,
            taps,
            dilation,
            weight: storage_from(gpu, "depthwise weight", &turned),
            bias: storage_from(gpu, "depthwise bias", bias),
        }
    }

    /// Records `out[t, c] = bias[c] + Σ_k weight[c, k] · x[t + (k − taps/2) · dilation, c]` for `count` dense rows, zeros
    /// outside. `x` and `out` are `[count, width]` and different buffers.
    pub fn record(&self, plan: &mut PlanBuilder<'_>, x: &wgpu::Buffer, out: &wgpu::Buffer, count: usize) {
        let params = Params {
            width: (self.width / 4) as u32,
            count: count as u32,
            taps: self.taps as u32,
            dilation: self.dilation as u32,
        };
        let grid = [params.width.div_ceil(16), params.count.div_ceil(4), 1];
        plan.dispatch(&kernel(), &params, &[x.into(), (&self.weight).into(), (&self.bias).into(), out.into()], grid);
    }
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;
    use burn::tensor::module::conv1d;
    use burn::tensor::ops::ConvOptions;

    /// `x` `[count, width]`, `weight` `[width, taps]`, `bias` `[width]`; returns `[count, width]`.
    #[must_use]
    pub fn depthwise(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, dilation: usize) -> Tensor<2> {
        let [width, taps] = weight.dims();
        let options = ConvOptions::new([1], [taps / 2 * dilation], [dilation], width);
        let out: Tensor<3> =
            conv1d(x.transpose().unsqueeze_dim::<3>(0), weight.unsqueeze_dim::<3>(1), Some(bias), options);
        out.squeeze_dim::<2>(0).transpose()
    }
}
