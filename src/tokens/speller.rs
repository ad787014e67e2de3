//! The speller: encoder states to letters, 50 a second, and the features that accompany a speech token when the model listens. Two stacks of
//! convolutional blocks: the first makes the features and spells from them; the second, the refiner, goes on from there, reads the states once more and
//! corrects the letters. Layout and training: `docs/model.md`, section 2.

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
/// Frames of letters a token.
const FRAMES: usize = 2;

/// Blocks over time between the states and the letters.
struct Stack {
    enter: Linear,
    blocks: Vec<(ConvBlock, Norm)>,
    norm: Norm,
    spell: Linear,
    /// What becomes of the residual stream and of the letters that are there already.
    epilogue: Epilogue,
}

impl Stack {
    /// The tensors whose names begin with `prefix`.
    fn new(gpu: &Gpu, tensors: &Tensors, prefix: &str, blocks: usize, epilogue: Epilogue) -> Result<Self> {
        let block = |i: usize| -> Result<_> {
            let name = format!("{prefix}blocks.{i}");
            let norm = load_norm(gpu, tensors, &format!("{name}.norm"), FEATURES)?;
            Ok((ConvBlock::load(gpu, tensors, &name, FEATURES, HIDDEN)?, norm))
        };
        Ok(Self {
            enter: entrance(gpu, tensors, &format!("{prefix}enter"))?,
            blocks: (0..blocks).map(block).collect::<Result<_>>()?,
            norm: load_norm(gpu, tensors, &format!("{prefix}norm"), FEATURES)?,
            spell: Linear::load(gpu, tensors, &format!("{prefix}spell"), FRAMES * CLASSES, FEATURES)?,
            epilogue,
        })
    }
}

/// The speller with its scratch memory.
pub struct Speller {
    first: Stack,
    refiner: Stack,
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
        Ok(Self {
            first: Stack::new(gpu, tensors, "", 4, Epilogue::Bias)?,
            refiner: Stack::new(gpu, tensors, "refiner.", 6, Epilogue::BiasAdd)?,
            x: storage_zeroed(gpu, "speller x", MOST_TOKENS * FEATURES),
            scratch: Scratch::new(gpu, MOST_TOKENS, FEATURES, HIDDEN),
            features: storage_zeroed(gpu, "speech features", MOST_TOKENS * FEATURES),
            letters: storage_zeroed(gpu, "letters", MOST_TOKENS * FRAMES * CLASSES),
        })
    }

    /// Records features and letters of the first `tokens` pairs of `states` (`[2 · tokens or more, 512]`).
    pub fn record(&self, plan: &mut PlanBuilder<'_>, states: &wgpu::Buffer, tokens: usize) {
        let (x, letters) = (Rows::dense(&self.x, FEATURES), Rows::dense(&self.letters, FRAMES * CLASSES));
        for (stack, normed) in [(&self.first, &self.features), (&self.refiner, &self.scratch.normed)] {
            let normed = Rows::dense(normed, FEATURES);
            stack.enter.record(plan, Rows::dense(states, 2 * STATES), x, tokens, stack.epilogue);
            for (block, norm) in &stack.blocks {
                block.record(plan, &self.x, norm, &self.scratch, tokens);
            }
            layer_norm(plan, x, None, &stack.norm, normed, FEATURES, tokens);
            stack.spell.record(plan, normed, letters, tokens, stack.epilogue);
        }
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

/// Whitening and the entering layer `name` as one layer over a token's two states side by side: both are linear.
fn entrance(gpu: &Gpu, tensors: &Tensors, name: &str) -> Result<Linear> {
    let columns = 2 * STATES;
    let weight = tensors.matrix(&format!("{name}.weight"), FEATURES, columns)?.dequantize();
    let bias = tensors.floats(&format!("{name}.bias"), FEATURES)?;
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
    Ok(Linear { weight: GpuMatrix::upload(gpu, name, &matrix), bias: storage_from(gpu, name, &shifted) })
}
