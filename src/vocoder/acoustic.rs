//! The acoustic decoder: speech tokens and a voice to what the decoder reads.

use super::{HIDDEN, MOST_FRAMES, MOST_TOKENS, WIDTH, frames};
use crate::convnext::{ConvBlock, Linear, Scratch, load_norm};
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed};
use crate::kernels::depthwise::Depthwise;
use crate::kernels::embed::embed;
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows};
use crate::kernels::stretch::stretch;
use crate::tokens::speech::CODES;
use crate::weights::safetensors::Tensors;

/// Channels of content.
pub const CONTENT: usize = 128;
/// The channel of log(1 + Hz) / 5.
pub const PITCH: usize = 128;
/// The channel of energy.
pub const ENERGY: usize = 129;
/// The channel that is positive where there is a pitch.
pub const VOICED: usize = 130;
/// Channels that come out.
pub const CHANNELS: usize = 131;
/// Words from a row to the next.
pub const STRIDE: usize = 132;
const SLOW_BLOCKS: usize = 4;
const FAST_BLOCKS: usize = 2;
/// Positions of tokens from a frame to the next.
const STEP: f32 = 5.0 / 16.0;

/// The acoustic decoder with its scratch memory.
pub struct Acoustic {
    code: GpuMatrix,
    /// Adds a voice's vector: a convolution of one tap.
    voices: Vec<Depthwise>,
    slow: Vec<(ConvBlock, Norm)>,
    fast: Vec<(ConvBlock, Norm)>,
    norm: Norm,
    out: Linear,
    embedded: wgpu::Buffer,
    x: wgpu::Buffer,
    wide: wgpu::Buffer,
    scratch: Scratch,
    /// `[frames, 131]`, [`STRIDE`] apart.
    pub output: wgpu::Buffer,
}

impl Acoustic {
    /// From `voice.safetensors`, for so many voices.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors, voices: usize) -> Result<Self> {
        let block = |name: String| -> Result<_> {
            let norm = load_norm(gpu, tensors, &format!("{name}.norm"), WIDTH)?;
            Ok((ConvBlock::load(gpu, tensors, &name, WIDTH, HIDDEN)?, norm))
        };
        let vectors = tensors.floats("acoustic.voices.weight", voices * WIDTH)?;
        let one = [1.0; WIDTH];
        Ok(Self {
            code: tensors.upload(gpu, "acoustic.code.weight", CODES, WIDTH)?,
            voices: vectors.chunks_exact(WIDTH).map(|vector| Depthwise::new(gpu, &one, vector, 1)).collect(),
            slow: (0..SLOW_BLOCKS).map(|i| block(format!("acoustic.slow.{i}"))).collect::<Result<_>>()?,
            fast: (0..FAST_BLOCKS).map(|i| block(format!("acoustic.fast.{i}"))).collect::<Result<_>>()?,
            norm: load_norm(gpu, tensors, "acoustic.norm", WIDTH)?,
            out: Linear::load(gpu, tensors, "acoustic.out", CHANNELS, WIDTH)?,
            embedded: storage_zeroed(gpu, "embedded codes", MOST_TOKENS * WIDTH),
            x: storage_zeroed(gpu, "acoustic x", MOST_TOKENS * WIDTH),
            wide: storage_zeroed(gpu, "acoustic frames", MOST_FRAMES * WIDTH),
            scratch: Scratch::new(gpu, MOST_FRAMES, WIDTH, HIDDEN),
            output: storage_zeroed(gpu, "acoustic output", MOST_FRAMES * STRIDE),
        })
    }

    /// Records the frames of `codes` (1 to [`MOST_TOKENS`]) in the voice numbered `voice`.
    pub fn record(&self, gpu: &Gpu, plan: &mut PlanBuilder<'_>, codes: &[u32], voice: usize) {
        let (tokens, count) = (codes.len(), frames(codes.len()));
        let ids = storage_from(gpu, "codes", codes);
        embed(plan, &self.code, &ids, 0, Rows::dense(&self.embedded, WIDTH), tokens);
        self.voices[voice].record(plan, &self.embedded, &self.x, tokens);
        for (block, norm) in &self.slow {
            block.record(plan, &self.x, norm, &self.scratch, tokens);
        }
        stretch(plan, &self.x, tokens, &self.wide, count, WIDTH, STEP);
        for (block, norm) in &self.fast {
            block.record(plan, &self.wide, norm, &self.scratch, count);
        }
        let normed = Rows::dense(&self.scratch.normed, WIDTH);
        layer_norm(plan, Rows::dense(&self.wide, WIDTH), None, &self.norm, normed, WIDTH, count);
        self.out.record(plan, normed, Rows::dense(&self.output, STRIDE), count, Epilogue::Bias);
    }
}

/// F0 of a row of the acoustic decoder's output, Hz; 0 where there is none.
#[must_use]
pub fn hertz(row: &[f32]) -> f32 {
    if row[VOICED] > 0.0 { (5.0 * row[PITCH]).exp() - 1.0 } else { 0.0 }
}
