//! Speech tokens: encoder states, pooled to 25 a second, through a small network into finite scalar quantization (FSQ,
//! Mentzer et al. 2023). Layout and training: `docs/model.md`, section 2.

use super::encoder::STATES;
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::weights::quant::{Format, Matrix};
use crate::weights::safetensors::Tensors;

/// Channels of the features, which accompany a token when the model listens.
pub const FEATURES: usize = 384;
const HIDDEN: usize = 768;
const BLOCKS: usize = 2;
const TAPS: usize = 7;
/// Digits of a code, five levels each.
const DIGITS: usize = 5;
/// Number of codes.
pub const CODES: usize = 3125;
/// Most tokens of a clip: 30 s.
pub const MOST_TOKENS: usize = 750;

struct ConvBlock {
    depthwise: Depthwise,
    norm: Norm,
    up: (GpuMatrix, wgpu::Buffer),
    down: (GpuMatrix, wgpu::Buffer),
}

/// The quantizer with its scratch memory.
pub struct Quantizer {
    enter: (GpuMatrix, wgpu::Buffer),
    blocks: Vec<ConvBlock>,
    norm: Norm,
    to_code: (GpuMatrix, wgpu::Buffer),
    x: wgpu::Buffer,
    convolved: wgpu::Buffer,
    normed: wgpu::Buffer,
    hidden: wgpu::Buffer,
    /// `[tokens, 384]`
    pub features: wgpu::Buffer,
    /// `[tokens, 5]`: before tanh and rounding.
    pub digits: wgpu::Buffer,
}

impl Quantizer {
    /// From `quantizer.safetensors`.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors) -> Result<Self> {
        let vector = |name: String, n: usize| tensors.vector(gpu, &name, n);
        let norm = |name: &str| -> Result<Norm> {
            Ok(Norm {
                weight: vector(format!("{name}.weight"), FEATURES)?,
                bias: vector(format!("{name}.bias"), FEATURES)?,
            })
        };
        let linear = |name: &str, rows: usize, columns: usize| -> Result<(GpuMatrix, wgpu::Buffer)> {
            let weight = tensors.upload(gpu, &format!("{name}.weight"), rows, columns)?;
            Ok((weight, vector(format!("{name}.bias"), rows)?))
        };
        let block = |i: usize| -> Result<ConvBlock> {
            let name = |part: &str| format!("pre.{i}.{part}");
            let weight = tensors.floats(&name("depthwise.weight"), FEATURES * TAPS)?;
            let bias = tensors.floats(&name("depthwise.bias"), FEATURES)?;
            Ok(ConvBlock {
                depthwise: Depthwise::new(gpu, &weight, &bias, 1),
                norm: norm(&name("norm"))?,
                up: linear(&name("up"), HIDDEN, FEATURES)?,
                down: linear(&name("down"), FEATURES, HIDDEN)?,
            })
        };
        let rows = |label: &str, width: usize| storage_zeroed(gpu, label, MOST_TOKENS * width);
        Ok(Self {
            enter: enter(gpu, tensors)?,
            blocks: (0..BLOCKS).map(block).collect::<Result<_>>()?,
            norm: norm("pre_norm")?,
            to_code: linear("to_code", DIGITS, FEATURES)?,
            x: rows("quantizer x", FEATURES),
            convolved: rows("quantizer convolution", FEATURES),
            normed: rows("quantizer norm", FEATURES),
            hidden: rows("quantizer hidden", HIDDEN),
            features: rows("speech features", FEATURES),
            digits: rows("code digits", DIGITS),
        })
    }

    /// Records features and digits of the first `tokens` pairs of `states` (`[2 · tokens or more, 512]`).
    pub fn record(&self, plan: &mut PlanBuilder<'_>, states: &wgpu::Buffer, tokens: usize) {
        let x = Rows::dense(&self.x, FEATURES);
        let pairs = Rows::dense(states, 2 * STATES);
        matmul(plan, &self.enter.0, pairs, x, tokens, Epilogue::Bias, Some(&self.enter.1));
        for block in &self.blocks {
            block.depthwise.record(plan, &self.x, &self.convolved, tokens);
            let normed = Rows::dense(&self.normed, FEATURES);
            layer_norm(plan, Rows::dense(&self.convolved, FEATURES), None, &block.norm, normed, FEATURES, tokens);
            let hidden = Rows::dense(&self.hidden, HIDDEN);
            matmul(plan, &block.up.0, normed, hidden, tokens, Epilogue::BiasGelu, Some(&block.up.1));
            matmul(plan, &block.down.0, hidden, x, tokens, Epilogue::BiasAdd, Some(&block.down.1));
        }
        let features = Rows::dense(&self.features, FEATURES);
        layer_norm(plan, x, None, &self.norm, features, FEATURES, tokens);
        let digits = Rows::dense(&self.digits, DIGITS);
        matmul(plan, &self.to_code.0, features, digits, tokens, Epilogue::Bias, Some(&self.to_code.1));
    }

    /// Reads the codes of `tokens` tokens back.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn codes(&self, gpu: &Gpu, tokens: usize) -> Result<Vec<u32>> {
        let digits = gpu.read::<f32>(&self.digits, 0, tokens * DIGITS).await?;
        Ok(digits.chunks_exact(DIGITS).map(pack).collect())
    }
}

/// The code of five unbounded digits: each becomes `round(2 tanh(d))`, ties to even, then base five, the first the lowest.
#[must_use]
pub fn pack(digits: &[f32]) -> u32 {
    let level = |d: &f32| (2.0 * d.tanh()).round_ties_even() as i32 + 2;
    digits.iter().rev().fold(0, |code, d| code * 5 + level(d) as u32)
}

/// Pooling, whitening and the entering layer in one matrix: all three are linear, so the mean of two states, centred and
/// divided, then projected, is one product over both states side by side.
fn enter(gpu: &Gpu, tensors: &Tensors) -> Result<(GpuMatrix, wgpu::Buffer)> {
    let weight = tensors.matrix("enter.weight", FEATURES, STATES)?.dequantize();
    let bias = tensors.floats("enter.bias", FEATURES)?;
    let (mean, deviation) = (tensors.floats("mean", STATES)?, tensors.floats("deviation", STATES)?);
    let mut folded = Vec::with_capacity(FEATURES * 2 * STATES);
    let mut shifted = Vec::with_capacity(FEATURES);
    for (row, bias) in weight.chunks_exact(STATES).zip(bias) {
        let scaled: Vec<f32> = row.iter().zip(&deviation).map(|(w, d)| w / d).collect();
        let shift: f64 = scaled.iter().zip(&mean).map(|(w, m)| f64::from(*w) * f64::from(*m)).sum();
        shifted.push((f64::from(bias) - shift) as f32);
        let half: Vec<f32> = scaled.iter().map(|w| w / 2.0).collect();
        folded.extend_from_slice(&half);
        folded.extend_from_slice(&half);
    }
    let matrix = Matrix::quantize(Format::F32, FEATURES, 2 * STATES, &folded);
    Ok((GpuMatrix::upload(gpu, "enter", &matrix), storage_from(gpu, "enter bias", &shifted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_base_five_numbers() {
        assert_eq!(pack(&[0.0; 5]), 2 + 2 * 5 + 2 * 25 + 2 * 125 + 2 * 625);
        assert_eq!(pack(&[-9.0; 5]), 0);
        assert_eq!(pack(&[9.0; 5]), CODES as u32 - 1);
        assert_eq!(pack(&[9.0, -9.0, -9.0, -9.0, -9.0]), 4);
    }
}
