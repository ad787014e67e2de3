//! A voice's spectrum from its parts: turned harmonics, noise and a free part. docs/voice.md, section C.

use crate::gpu::{Access, Kernel, PlanBuilder};

/// Which frames.
#[derive(Clone, Copy, Debug)]
pub struct SpectrumShape {
    /// Bins of a frame.
    pub bins: usize,
    /// Frames.
    pub count: usize,
    /// Words from a frame of the source, or of the result, to the next; at least twice the bins.
    pub stride: usize,
    /// First frame of the parts that is used.
    pub first: usize,
    /// The number of that frame in the sound: the noise depends on it.
    pub frame: usize,
    /// Which noise.
    pub seed: u32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    bins: u32,
    count: u32,
    stride: u32,
    parts_from: u32,
    frame: u32,
    seed: u32,
    pad: [u32; 2],
}

fn kernel() -> Kernel {
    Kernel {
        name: "spectrum".into(),
        source: include_str!("../../shaders/spectrum.wgsl").into(),
        access: &[Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

/// Records the spectra of `parts` (`[frames, 5, bins]`: logarithm and turn of the harmonics' magnitude, logarithm of the noise's, logarithm and
/// phase of the rest) over the pulses' spectra `source`, into `out`: in both a frame's real parts come first, its imaginary ones behind them.
pub fn spectrum(
    plan: &mut PlanBuilder<'_>,
    parts: &wgpu::Buffer,
    source: &wgpu::Buffer,
    out: &wgpu::Buffer,
    shape: SpectrumShape,
) {
    let params = Params {
        bins: shape.bins as u32,
        count: shape.count as u32,
        stride: shape.stride as u32,
        parts_from: (shape.first * 5 * shape.bins) as u32,
        frame: shape.frame as u32,
        seed: shape.seed,
        pad: [0; 2],
    };
    plan.dispatch(
        &kernel(),
        &params,
        &[parts.into(), source.into(), out.into()],
        [params.bins.div_ceil(64), params.count, 1],
    );
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::Tensor;
    use std::f32::consts::PI;

    /// `parts` `[frames, 5, bins]`, real and imaginary parts of `source` and `noise` `[frames, bins]`; returns those of the spectrum.
    #[must_use]
    pub fn spectrum(parts: Tensor<3>, source: [Tensor<2>; 2], noise: [Tensor<2>; 2]) -> [Tensor<2>; 2] {
        let part = |number: usize| -> Tensor<2> { parts.clone().narrow(1, number, 1).squeeze_dim(1) };
        let loud = |number: usize| part(number).clamp_max(7.0).exp();
        let angle = part(1).tanh() * PI;
        let [a, b] = [loud(0) * angle.clone().cos(), loud(0) * angle.sin()];
        let [x, y] = source;
        let [n, m] = noise;
        let real = a.clone() * x.clone() - b.clone() * y.clone() + loud(2) * n + loud(3) * part(4).cos();
        let imaginary = a * y + b * x + loud(2) * m + loud(3) * part(4).sin();
        [real, imaginary]
    }
}
