//! Speech tokens: the speller's features through one linear layer into finite scalar quantization (FSQ, Mentzer et al. 2023), 25
//! a second. Layout and training: `docs/model.md`, section 2.

use super::speller::FEATURES;
use crate::convnext::Linear;
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_zeroed};
use crate::kernels::matmul::{Epilogue, Rows};
use crate::weights::safetensors::Tensors;

/// Digits of a code, five levels each.
const DIGITS: usize = 5;
/// Number of codes.
pub const CODES: usize = 3125;
/// Most tokens of a clip: 30 s.
pub const MOST_TOKENS: usize = 750;

/// The quantizer.
pub struct Quantizer {
    to_code: Linear,
    /// `[tokens, 5]`: before tanh and rounding.
    pub digits: wgpu::Buffer,
}

impl Quantizer {
    /// From `quantizer.safetensors`.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors) -> Result<Self> {
        Ok(Self {
            to_code: Linear::load(gpu, tensors, "to_code", DIGITS, FEATURES)?,
            digits: storage_zeroed(gpu, "code digits", MOST_TOKENS * DIGITS),
        })
    }

    /// Records the digits of `tokens` rows of the speller's `features`, `[tokens or more, 384]`.
    pub fn record(&self, plan: &mut PlanBuilder<'_>, features: &wgpu::Buffer, tokens: usize) {
        let digits = Rows::dense(&self.digits, DIGITS);
        self.to_code.record(plan, Rows::dense(features, FEATURES), digits, tokens, Epilogue::Bias);
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
