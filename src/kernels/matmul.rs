//! Matrix product `y = epilogue(x · Wᵀ)` with quantized or plain weights: the work horse of both towers.
//!
//! `shaders/shared/product.wgsl` states the scheme; `matvec_*.wgsl` serve one row of `x`, `matmul_*.wgsl` many.

use crate::gpu::{Access, Binding, Gpu, Kernel, KernelSet, PlanBuilder, storage_from};
use crate::weights::quant::{Format, Matrix};

/// What becomes of a product's sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Epilogue {
    /// `y = W x`
    Store,
    /// `y += W x`
    Add,
    /// `y += gate · W x`
    GatedAdd(f32),
    /// `y = W x + bias`
    Bias,
    /// `y += W x + bias`
    BiasAdd,
    /// `y = relu(W x + bias)`
    BiasRelu,
    /// `y = gelu(W x + bias)`
    BiasGelu,
    /// `y = silu(W_gate x) · W_up x`, with `W` the gate rows followed by the up rows
    SwiGlu,
}

impl Epilogue {
    const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Add => "add",
            Self::GatedAdd(_) => "gated_add",
            Self::Bias => "bias",
            Self::BiasAdd => "bias_add",
            Self::BiasRelu => "bias_relu",
            Self::BiasGelu => "bias_gelu",
            Self::SwiGlu => "swiglu",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Store => include_str!("../../shaders/shared/epilogue_store.wgsl"),
            Self::Add => include_str!("../../shaders/shared/epilogue_add.wgsl"),
            Self::GatedAdd(_) => include_str!("../../shaders/shared/epilogue_gated_add.wgsl"),
            Self::Bias => include_str!("../../shaders/shared/epilogue_bias.wgsl"),
            Self::BiasAdd => include_str!("../../shaders/shared/epilogue_bias_add.wgsl"),
            Self::BiasRelu => include_str!("../../shaders/shared/epilogue_bias_relu.wgsl"),
            Self::BiasGelu => include_str!("../../shaders/shared/epilogue_bias_gelu.wgsl"),
            Self::SwiGlu => include_str!("../../shaders/shared/epilogue_swiglu.wgsl"),
        }
    }
}

/// A weight matrix on the device, still in its storage format.
pub struct GpuMatrix {
    /// Rows of `W`: outputs.
    pub rows: usize,
    /// Columns of `W`: inputs, a multiple of 32.
    pub columns: usize,
    /// Storage format.
    pub format: Format,
    words: wgpu::Buffer,
    scales: u32,
}

impl GpuMatrix {
    /// Uploads `matrix`.
    #[must_use]
    pub fn upload(gpu: &Gpu, label: &str, matrix: &Matrix) -> Self {
        Self {
            rows: matrix.rows,
            columns: matrix.columns,
            format: matrix.format,
            words: storage_from(gpu, label, &matrix.words),
            scales: u32::try_from(matrix.scales_at()).unwrap_or(u32::MAX),
        }
    }

    /// The buffer with the words.
    #[must_use]
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.words
    }

    /// First word of the scales ([`Format::Q8_0`]).
    #[must_use]
    pub fn scales(&self) -> u32 {
        self.scales
    }
}

/// Rows of `x` or `y` inside a buffer, in 32-bit words.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The buffer.
    pub buffer: &'a wgpu::Buffer,
    /// Word of the first row (for `x` a multiple of 4).
    pub offset: usize,
    /// Words from a row to the next (for `x` a multiple of 4).
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// Dense rows of `width` words from the beginning of `buffer`.
    #[must_use]
    pub fn dense(buffer: &'a wgpu::Buffer, width: usize) -> Self {
        Self { buffer, offset: 0, stride: width }
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    blocks: u32,
    count: u32,
    x_stride: u32,
    x_offset: u32,
    y_stride: u32,
    y_offset: u32,
    scales: u32,
    gate: f32,
    pad: [u32; 3],
}

const ACCESS: &[Access] = &[Access::Read, Access::Read, Access::ReadWrite, Access::Read];

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Vector,
    Matrix,
}

fn kernel(set: KernelSet, shape: Shape, format: Format, epilogue: Epilogue) -> Kernel {
    let (name, body) = match (set, shape) {
        (KernelSet::Plain, Shape::Vector) => ("matvec_plain", include_str!("../../shaders/matvec_plain.wgsl")),
        (KernelSet::Plain, Shape::Matrix) => ("matmul_plain", include_str!("../../shaders/matmul_plain.wgsl")),
        (KernelSet::Tiled, Shape::Vector) => ("matvec_tiled", include_str!("../../shaders/matvec_tiled.wgsl")),
        (KernelSet::Tiled, Shape::Matrix) => ("matmul_tiled", include_str!("../../shaders/matmul_tiled.wgsl")),
    };
    let rows = if epilogue == Epilogue::SwiGlu { "" } else { include_str!("../../shaders/shared/epilogue_rows.wgsl") };
    let shared = include_str!("../../shaders/shared/product.wgsl");
    Kernel {
        name: format!("{name}.{}.{}", format.name(), epilogue.name()),
        source: [shared, super::weights_source(format), rows, epilogue.source(), body].join("\n"),
        access: ACCESS,
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    let epilogues = [
        Epilogue::Store,
        Epilogue::Add,
        Epilogue::GatedAdd(1.0),
        Epilogue::Bias,
        Epilogue::BiasAdd,
        Epilogue::BiasRelu,
        Epilogue::BiasGelu,
        Epilogue::SwiGlu,
    ];
    let mut kernels = Vec::new();
    for set in [KernelSet::Plain, KernelSet::Tiled] {
        for shape in [Shape::Vector, Shape::Matrix] {
            for format in Format::ALL {
                kernels.extend(epilogues.map(|epilogue| kernel(set, shape, format, epilogue)));
            }
        }
    }
    kernels
}

/// Records `y[t] = epilogue(W · x[t])` for `count` rows of `x` (`[count, columns]`) into `y` (`[count, rows]`, or
/// `[count, rows / 2]` for [`Epilogue::SwiGlu`]). `bias` (`[rows]`) is read by the epilogues that name it.
pub fn matmul(
    plan: &mut PlanBuilder<'_>,
    weight: &GpuMatrix,
    x: Rows<'_>,
    y: Rows<'_>,
    count: usize,
    epilogue: Epilogue,
    bias: Option<&wgpu::Buffer>,
) {
    let set = plan.gpu().kernels();
    let shape = if count == 1 { Shape::Vector } else { Shape::Matrix };
    let units = weight.rows.div_ceil(4) as u32;
    let count = count as u32;
    let grid = match (set, shape) {
        (KernelSet::Plain, Shape::Vector) => [units.div_ceil(16), count, 1],
        (KernelSet::Plain, Shape::Matrix) => [units.div_ceil(16), count.div_ceil(4), 1],
        (KernelSet::Tiled, Shape::Vector) => [units.div_ceil(2), count, 1],
        (KernelSet::Tiled, Shape::Matrix) => [units.div_ceil(16), count.div_ceil(32), 1],
    };
    let params = Params {
        rows: weight.rows as u32,
        blocks: (weight.columns / 32) as u32,
        count,
        x_stride: (x.stride / 4) as u32,
        x_offset: (x.offset / 4) as u32,
        y_stride: y.stride as u32,
        y_offset: y.offset as u32,
        scales: weight.scales,
        gate: if let Epilogue::GatedAdd(gate) = epilogue { gate } else { 1.0 },
        pad: [0; 3],
    };
    // Without a bias the weights fill its binding: it is not read, and reading twice is allowed.
    let bias = bias.unwrap_or(&weight.words);
    let bindings = [Binding::from(&weight.words), x.buffer.into(), y.buffer.into(), bias.into()];
    plan.dispatch(&kernel(set, shape, weight.format, epilogue), &params, &bindings, grid);
}

/// The same in plain burn operations.
pub mod reference {
    use super::Epilogue;
    use burn::tensor::{Tensor, activation};

    /// `epilogue(x · weightᵀ)` for `x` `[count, columns]`, dequantized `weight` `[rows, columns]`, `y` as it was before
    /// (`[count, rows]`, read by the adding epilogues) and `bias` `[rows]`.
    #[must_use]
    pub fn matmul(x: Tensor<2>, weight: Tensor<2>, y: Tensor<2>, bias: Tensor<1>, epilogue: Epilogue) -> Tensor<2> {
        let rows = weight.dims()[0];
        let product = x.matmul(weight.transpose());
        match epilogue {
            Epilogue::Store => product,
            Epilogue::Add => y + product,
            Epilogue::GatedAdd(gate) => y + product.mul_scalar(gate),
            Epilogue::Bias => product + bias.unsqueeze(),
            Epilogue::BiasAdd => y + product + bias.unsqueeze(),
            Epilogue::BiasRelu => activation::relu(product + bias.unsqueeze()),
            Epilogue::BiasGelu => activation::gelu(product + bias.unsqueeze()),
            Epilogue::SwiGlu => {
                let half = rows / 2;
                let gate = product.clone().narrow(1, 0, half);
                activation::silu(gate) * product.narrow(1, half, half)
            }
        }
    }
}
