//! The speller: encoder states to letters, 50 a second, and the features that accompany a speech token when the model listens.
//! Layout and training: `docs/model.md`, section 2.

use super::encoder::STATES;
use super::speech::MOST_TOKENS;
use crate::convnext::{ConvBlock, Linear, Scratch, load_norm};
use crate::decode::ctc::Letters;
use crate::decode::spelling::CLASSES;
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed};
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows};
use crate::weights::quant::{Format, Matrix};
use crate::weights::safetensors::Tensors;

/// Channels of the features.
pub const FEATURES: usize = 384;
const HIDDEN: usize = 768;
const BLOCKS: usize = 4;
/// Frames of letters a token.
const FRAMES: usize = 2;

/// The speller with its scratch memory.
pub struct Speller {
    enter: Linear,
    blocks: Vec<(ConvBlock, Norm)>,
    norm: Norm,
    spell: Linear,
    x: wgpu::Buffer,
    scratch: Scratch,
    /// `[tokens, 384]`
    pub features: wgpu::Buffer,
    /// Logits, `[2 · tokens, 29]`.
    pub letters: wgpu::Buffer,
}

impl Speller {
    /// From `speller.safetensors`.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors) -> Result<Self> {
        let block = |i: usize| -> Result<_> {
            let name = format!("blocks.{i}");
            let norm = load_norm(gpu, tensors, &format!("{name}.norm"), FEATURES)?;
            Ok((ConvBlock::load(gpu, tensors, &name, FEATURES, HIDDEN)?, norm))
        };
        Ok(Self {
            enter: entrance(gpu, tensors)?,
            blocks: (0..BLOCKS).map(block).collect::<Result<_>>()?,
            norm: load_norm(gpu, tensors, "norm", FEATURES)?,
            spell: Linear::load(gpu, tensors, "spell", FRAMES * CLASSES, FEATURES)?,
            x: storage_zeroed(gpu, "speller x", MOST_TOKENS * FEATURES),
            scratch: Scratch::new(gpu, MOST_TOKENS, FEATURES, HIDDEN),
            features: storage_zeroed(gpu, "speech features", MOST_TOKENS * FEATURES),
            letters: storage_zeroed(gpu, "letters", MOST_TOKENS * FRAMES * CLASSES),
        })
    }

    /// Records features and letters of the first `tokens` pairs of `states` (`[2 · tokens or more, 512]`).
    pub fn record(&self, plan: &mut PlanBuilder<'_>, states: &wgpu::Buffer, tokens: usize) {
        let x = Rows::dense(&self.x, FEATURES);
        self.enter.record(plan, Rows::dense(states, 2 * STATES), x, tokens, Epilogue::Bias);
        for (block, norm) in &self.blocks {
            block.record(plan, &self.x, norm, &self.scratch, tokens);
        }
        let features = Rows::dense(&self.features, FEATURES);
        layer_norm(plan, x, None, &self.norm, features, FEATURES, tokens);
        let letters = Rows::dense(&self.letters, FRAMES * CLASSES);
        self.spell.record(plan, features, letters, tokens, Epilogue::Bias);
    }

    /// Reads the letters of `tokens` tokens back.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn read_letters(&self, gpu: &Gpu, tokens: usize) -> Result<Letters> {
        let logits = gpu.read::<f32>(&self.letters, 0, tokens * FRAMES * CLASSES).await?;
        Ok(Letters::from_logits(&logits))
    }
}

/// Whitening and the entering layer as one layer over a token's two states side by side: both are linear.
fn entrance(gpu: &Gpu, tensors: &Tensors) -> Result<Linear> {
    let columns = 2 * STATES;
    let weight = tensors.matrix("enter.weight", FEATURES, columns)?.dequantize();
    let bias = tensors.floats("enter.bias", FEATURES)?;
    let (mean, deviation) = (tensors.floats("mean", STATES)?, tensors.floats("deviation", STATES)?);
    let mut folded = Vec::with_capacity(FEATURES * columns);
    let mut shifted = Vec::with_capacity(FEATURES);
    for (row, bias) in weight.chunks_exact(columns).zip(bias) {
        let scaled: Vec<f32> = row.iter().zip(deviation.iter().cycle()).map(|(w, d)| w / d).collect();
        let terms = scaled.iter().zip(mean.iter().cycle());
        let shift: f64 = terms.map(|(w, m)| f64::from(*w) * f64::from(*m)).sum();
        shifted.push((f64::from(bias) - shift) as f32);
        folded.extend_from_slice(&scaled);
    }
    let matrix = Matrix::quantize(Format::F32, FEATURES, columns, &folded);
    Ok(Linear { weight: GpuMatrix::upload(gpu, "enter", &matrix), bias: storage_from(gpu, "enter bias", &shifted) })
}
