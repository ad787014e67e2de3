//! The decoder: content, pitch and energy to the parts of a spectrum. Layout and first weights are hibari-tts's (Apache-2.0); a voice is a row of
//! the norms' weights and biases.

use super::acoustic::{CHANNELS, PITCH, STRIDE, VOICED};
use super::synthesis::{BINS, PARTS};
use super::{HIDDEN, MOST_FRAMES, WIDTH};
use crate::convnext::{ConvBlock, Linear, Scratch};
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed, write_f32};
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows};
use crate::weights::quant::{Format, Matrix};
use crate::weights::safetensors::Tensors;

const BLOCKS: usize = 8;
const TAPS: usize = 7;
/// Channels that go in.
const INPUTS: usize = CHANNELS - 1;
/// Words from a row of the input to the next: a multiple of 32, zeros behind the channels.
const INPUT_STRIDE: usize = 160;
/// Words of a frame's parts.
pub const OUTPUTS: usize = PARTS * BINS;

/// The decoder with its scratch memory.
pub struct Decoder {
    enter: Linear,
    blocks: Vec<(ConvBlock, Vec<Norm>)>,
    norms: Vec<Norm>,
    head: Linear,
    input: wgpu::Buffer,
    x: wgpu::Buffer,
    scratch: Scratch,
    /// `[frames, 5, 601]`
    pub parts: wgpu::Buffer,
}

impl Decoder {
    /// From `voice.safetensors`, for so many voices.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors, voices: usize) -> Result<Self> {
        let norms = |name: &str| -> Result<Vec<Norm>> {
            let rows = |part: &str| tensors.floats(&format!("{name}.{part}"), voices * WIDTH);
            let (weights, biases) = (rows("weight")?, rows("bias")?);
            let norm = |(weight, bias): (&[f32], &[f32])| Norm {
                weight: storage_from(gpu, "voice norm", weight),
                bias: storage_from(gpu, "voice norm", bias),
            };
            Ok(weights.chunks_exact(WIDTH).zip(biases.chunks_exact(WIDTH)).map(norm).collect())
        };
        let block = |i: usize| -> Result<_> {
            let name = format!("decoder.blocks.{i}");
            Ok((ConvBlock::load(gpu, tensors, &name, WIDTH, HIDDEN)?, norms(&format!("{name}.norm"))?))
        };
        Ok(Self {
            enter: convolution(gpu, tensors)?,
            blocks: (0..BLOCKS).map(block).collect::<Result<_>>()?,
            norms: norms("decoder.norm")?,
            head: Linear::load(gpu, tensors, "decoder.head", OUTPUTS, WIDTH)?,
            // Rows of zeros on both sides stand for what lies outside.
            input: storage_zeroed(gpu, "decoder input", (MOST_FRAMES + TAPS) * INPUT_STRIDE),
            x: storage_zeroed(gpu, "decoder x", MOST_FRAMES * WIDTH),
            scratch: Scratch::new(gpu, MOST_FRAMES, WIDTH, HIDDEN),
            parts: storage_zeroed(gpu, "spectrum parts", MOST_FRAMES * OUTPUTS),
        })
    }

    /// Records the parts of `acoustic` (rows [`STRIDE`] apart, at most [`MOST_FRAMES`]): its voicing already read, its pitch silent where nothing is voiced.
    pub fn record(&self, gpu: &Gpu, plan: &mut PlanBuilder<'_>, acoustic: &[f32], voice: usize) {
        let count = acoustic.len() / STRIDE;
        let mut input = vec![0.0; (count + TAPS - 1) * INPUT_STRIDE];
        for (row, to) in
            acoustic.chunks_exact(STRIDE).zip(input[TAPS / 2 * INPUT_STRIDE..].chunks_exact_mut(INPUT_STRIDE))
        {
            to[..INPUTS].copy_from_slice(&row[..INPUTS]);
            if row[VOICED] <= 0.0 {
                to[PITCH] = 0.0;
            }
        }
        write_f32(gpu, &self.input, 0, &input);
        let x = Rows::dense(&self.x, WIDTH);
        self.enter.record(plan, Rows::dense(&self.input, INPUT_STRIDE), x, count, Epilogue::Bias);
        for (block, norms) in &self.blocks {
            block.record(plan, &self.x, &norms[voice], &self.scratch, count);
        }
        let normed = Rows::dense(&self.scratch.normed, WIDTH);
        layer_norm(plan, x, None, &self.norms[voice], normed, WIDTH, count);
        self.head.record(plan, normed, Rows::dense(&self.parts, OUTPUTS), count, Epilogue::Bias);
    }
}

/// The entering convolution over seven frames as a matrix over seven rows side by side.
fn convolution(gpu: &Gpu, tensors: &Tensors) -> Result<Linear> {
    let weight = tensors.floats("decoder.enter.weight", WIDTH * INPUTS * TAPS)?;
    let mut turned = vec![0.0; WIDTH * TAPS * INPUT_STRIDE];
    for out in 0..WIDTH {
        for channel in 0..INPUTS {
            for tap in 0..TAPS {
                turned[(out * TAPS + tap) * INPUT_STRIDE + channel] = weight[(out * INPUTS + channel) * TAPS + tap];
            }
        }
    }
    let matrix = Matrix::quantize(Format::F32, WIDTH, TAPS * INPUT_STRIDE, &turned);
    Ok(Linear {
        weight: GpuMatrix::upload(gpu, "decoder enter", &matrix),
        bias: tensors.vector(gpu, "decoder.enter.bias", WIDTH)?,
    })
}
