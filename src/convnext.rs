//! ConvNeXt blocks over time (Liu et al. 2022, in one dimension), which quantizer, speller and voice share: a depthwise convolution over seven
//! frames, LayerNorm, a GELU layer there and back, added to what came in.

use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_zeroed};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::weights::safetensors::Tensors;

const TAPS: usize = 7;

/// A matrix and its bias.
pub struct Linear {
    /// `[rows, columns]`
    pub weight: GpuMatrix,
    /// `[rows]`
    pub bias: wgpu::Buffer,
}

impl Linear {
    /// `NAME.weight` and `NAME.bias`.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if one is missing or has another shape.
    pub fn load(gpu: &Gpu, tensors: &Tensors, name: &str, rows: usize, columns: usize) -> Result<Self> {
        Ok(Self {
            weight: tensors.upload(gpu, &format!("{name}.weight"), rows, columns)?,
            bias: tensors.vector(gpu, &format!("{name}.bias"), rows)?,
        })
    }

    /// Records the layer for `count` rows.
    pub fn record(&self, plan: &mut PlanBuilder<'_>, x: Rows<'_>, y: Rows<'_>, count: usize, epilogue: Epilogue) {
        matmul(plan, &self.weight, x, y, count, epilogue, Some(&self.bias));
    }
}

/// `NAME.weight` and `NAME.bias` of a LayerNorm.
///
/// # Errors
/// [`crate::Error::Format`] if one is missing or has another shape.
pub fn load_norm(gpu: &Gpu, tensors: &Tensors, name: &str, width: usize) -> Result<Norm> {
    Ok(Norm {
        weight: tensors.vector(gpu, &format!("{name}.weight"), width)?,
        bias: tensors.vector(gpu, &format!("{name}.bias"), width)?,
    })
}

/// Scratch memory for blocks of one shape, `rows` frames long.
pub struct Scratch {
    convolved: wgpu::Buffer,
    /// The last norm's output; free between blocks.
    pub normed: wgpu::Buffer,
    hidden: wgpu::Buffer,
}

impl Scratch {
    /// For `rows` frames of `width` channels.
    #[must_use]
    pub fn new(gpu: &Gpu, rows: usize, width: usize, hidden: usize) -> Self {
        Self {
            convolved: storage_zeroed(gpu, "convolution", rows * width),
            normed: storage_zeroed(gpu, "norm", rows * width),
            hidden: storage_zeroed(gpu, "hidden", rows * hidden),
        }
    }
}

/// One block.
pub struct ConvBlock {
    width: usize,
    hidden: usize,
    depthwise: Depthwise,
    up: Linear,
    down: Linear,
}

impl ConvBlock {
    /// `NAME.depthwise`, `NAME.up`, `NAME.down`. The norm is given when recording, since a voice may bring its own.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn load(gpu: &Gpu, tensors: &Tensors, name: &str, width: usize, hidden: usize) -> Result<Self> {
        let weight = tensors.floats(&format!("{name}.depthwise.weight"), width * TAPS)?;
        let bias = tensors.floats(&format!("{name}.depthwise.bias"), width)?;
        Ok(Self {
            width,
            hidden,
            depthwise: Depthwise::new(gpu, &weight, &bias, 1),
            up: Linear::load(gpu, tensors, &format!("{name}.up"), hidden, width)?,
            down: Linear::load(gpu, tensors, &format!("{name}.down"), width, hidden)?,
        })
    }

    /// Records `x += block(x)` for `count` dense rows.
    pub fn record(&self, plan: &mut PlanBuilder<'_>, x: &wgpu::Buffer, norm: &Norm, scratch: &Scratch, count: usize) {
        let (width, normed) = (self.width, Rows::dense(&scratch.normed, self.width));
        let hidden = Rows::dense(&scratch.hidden, self.hidden);
        self.depthwise.record(plan, x, &scratch.convolved, count);
        layer_norm(plan, Rows::dense(&scratch.convolved, width), None, norm, normed, width, count);
        self.up.record(plan, normed, hidden, count, Epilogue::BiasGelu);
        self.down.record(plan, hidden, Rows::dense(x, width), count, Epilogue::BiasAdd);
    }
}
