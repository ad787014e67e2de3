//! Speech tokens: encoder states, pooled to 25 a second, through a small network into finite scalar quantization (FSQ,
//! Mentzer et al. 2023). Layout and training: `docs/model.md`, section 2.

use super::encoder::STATES;
use crate::convnext::{ConvBlock, Linear, Scratch, load_norm};
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed};
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows};
use crate::weights::quant::{Format, Matrix};
use crate::weights::safetensors::Tensors;

const WIDTH: usize = 384;
const HIDDEN: usize = 768;
const BLOCKS: usize = 2;
/// Digits of a code, five levels each.
const DIGITS: usize = 5;
/// Number of codes.
pub const CODES: usize = 3125;
/// Most tokens of a clip: 30 s.
pub const MOST_TOKENS: usize = 750;

/// The quantizer with its scratch memory.
pub struct Quantizer {
    enter: Linear,
    blocks: Vec<(ConvBlock, Norm)>,
    norm: Norm,
    to_code: Linear,
    x: wgpu::Buffer,
    scratch: Scratch,
    /// `[tokens, 5]`: before tanh and rounding.
    pub digits: wgpu::Buffer,
}

impl Quantizer {
    /// From `quantizer.safetensors`.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors) -> Result<Self> {
        let block = |i: usize| -> Result<_> {
            let name = format!("pre.{i}");
            let norm = load_norm(gpu, tensors, &format!("{name}.norm"), WIDTH)?;
            Ok((ConvBlock::load(gpu, tensors, &name, WIDTH, HIDDEN)?, norm))
        };
        Ok(Self {
            enter: entrance(gpu, tensors, WIDTH, Pairs::Mean)?,
            blocks: (0..BLOCKS).map(block).collect::<Result<_>>()?,
            norm: load_norm(gpu, tensors, "pre_norm", WIDTH)?,
            to_code: Linear::load(gpu, tensors, "to_code", DIGITS, WIDTH)?,
            x: storage_zeroed(gpu, "quantizer x", MOST_TOKENS * WIDTH),
            scratch: Scratch::new(gpu, MOST_TOKENS, WIDTH, HIDDEN),
            digits: storage_zeroed(gpu, "code digits", MOST_TOKENS * DIGITS),
        })
    }

    /// Records the digits of the first `tokens` pairs of `states` (`[2 · tokens or more, 512]`).
    pub fn record(&self, plan: &mut PlanBuilder<'_>, states: &wgpu::Buffer, tokens: usize) {
        let x = Rows::dense(&self.x, WIDTH);
        self.enter.record(plan, Rows::dense(states, 2 * STATES), x, tokens, Epilogue::Bias);
        for (block, norm) in &self.blocks {
            block.record(plan, &self.x, norm, &self.scratch, tokens);
        }
        let normed = Rows::dense(&self.scratch.normed, WIDTH);
        layer_norm(plan, x, None, &self.norm, normed, WIDTH, tokens);
        self.to_code.record(plan, normed, Rows::dense(&self.digits, DIGITS), tokens, Epilogue::Bias);
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

/// What an entering layer reads of a token's two states.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pairs {
    /// Their mean.
    Mean,
    /// Both, side by side.
    Both,
}

/// Whitening and the entering layer (pooling too, for [`Pairs::Mean`]) as one layer over both states side by side: all are linear.
pub(super) fn entrance(gpu: &Gpu, tensors: &Tensors, width: usize, pairs: Pairs) -> Result<Linear> {
    let columns = if pairs == Pairs::Both { 2 * STATES } else { STATES };
    let weight = tensors.matrix("enter.weight", width, columns)?.dequantize();
    let bias = tensors.floats("enter.bias", width)?;
    let (mean, deviation) = (tensors.floats("mean", STATES)?, tensors.floats("deviation", STATES)?);
    let mut folded = Vec::with_capacity(width * 2 * STATES);
    let mut shifted = Vec::with_capacity(width);
    for (row, bias) in weight.chunks_exact(columns).zip(bias) {
        let scaled: Vec<f32> = row.iter().zip(deviation.iter().cycle()).map(|(w, d)| w / d).collect();
        let terms = scaled.iter().zip(mean.iter().cycle());
        let shift: f64 = terms.map(|(w, m)| f64::from(*w) * f64::from(*m)).sum();
        shifted.push((f64::from(bias) - shift) as f32);
        if pairs == Pairs::Both {
            folded.extend_from_slice(&scaled);
        } else {
            let half: Vec<f32> = scaled.iter().map(|w| w / 2.0).collect();
            folded.extend_from_slice(&half);
            folded.extend_from_slice(&half);
        }
    }
    let matrix = Matrix::quantize(Format::F32, width, 2 * STATES, &folded);
    Ok(Linear { weight: GpuMatrix::upload(gpu, "enter", &matrix), bias: storage_from(gpu, "enter bias", &shifted) })
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
