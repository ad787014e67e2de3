//! The speech encoder in front of the speech tokens: whisper-base's (Radford et al. 2022), frozen, on the device.
//!
//! A convolution of width 3 over rows that lie one after the other is a matrix product whose rows of `x` overlap: row `t`
//! begins at row `t · stride` of the padded input and is three rows long. So the encoder needs no convolution kernel.

use crate::audio::log_mel::MELS;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed, write_f32};
use crate::kernels::attention::{AttentionShape, Mask, attention};
use crate::kernels::layer_norm::{Norm, layer_norm};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::kernels::rope::{self, RopeShape, rope_append};
use crate::weights::quant::{Format, Matrix};
use crate::weights::safetensors::Tensors;

/// Channels of the encoder's states.
pub const STATES: usize = 512;
const HEADS: usize = 8;
const LAYERS: usize = 6;
const FFN: usize = 2048;
/// Mel bands, filled up with zeros so that three frames are whole blocks of 32.
const MEL_STRIDE: usize = 96;
/// Most mel frames: 30 s.
pub const MOST_FRAMES: usize = 3000;

struct Layer {
    attention_norm: Norm,
    qkv: Linear,
    output: Linear,
    ffn_norm: Norm,
    up: Linear,
    down: Linear,
}

/// A matrix with its bias.
struct Linear {
    weight: GpuMatrix,
    bias: wgpu::Buffer,
}

/// The encoder with its scratch memory for 30 s.
pub struct Encoder {
    conv1: Linear,
    conv2: Linear,
    positions: wgpu::Buffer,
    layers: Vec<Layer>,
    norm: Norm,
    work: Work,
}

struct Work {
    /// `[1 + frames + 1, 96]`: log-mel between rows of zeros.
    mel: wgpu::Buffer,
    /// `[1 + frames + 1, 512]`: the first convolution's output between rows of zeros.
    middle: wgpu::Buffer,
    x: wgpu::Buffer,
    normed: wgpu::Buffer,
    qkv: wgpu::Buffer,
    mixed: wgpu::Buffer,
    hidden: wgpu::Buffer,
    keys: wgpu::Buffer,
    values: wgpu::Buffer,
    identity: wgpu::Buffer,
    state: wgpu::Buffer,
    states: wgpu::Buffer,
}

const MOST_STATES: usize = MOST_FRAMES / 2;

impl Encoder {
    /// From the pinned file's tensors (names as in CTranslate2).
    ///
    /// # Errors
    /// [`Error::Format`] if one is missing or has another shape.
    pub fn new(gpu: &Gpu, tensors: &Tensors) -> Result<Self> {
        let norm = |name: &str| -> Result<Norm> {
            Ok(Norm {
                weight: tensors.vector(gpu, &format!("encoder/{name}/gamma"), STATES)?,
                bias: tensors.vector(gpu, &format!("encoder/{name}/beta"), STATES)?,
            })
        };
        let linear = |name: &str, rows: usize, columns: usize| -> Result<Linear> {
            Ok(Linear {
                weight: tensors.upload(gpu, &format!("encoder/{name}/weight"), rows, columns)?,
                bias: tensors.vector(gpu, &format!("encoder/{name}/bias"), rows)?,
            })
        };
        let layer = |i: usize| -> Result<Layer> {
            let name = |part: &str| format!("layer_{i}/{part}");
            Ok(Layer {
                attention_norm: norm(&name("self_attention/layer_norm"))?,
                qkv: linear(&name("self_attention/linear_0"), 3 * STATES, STATES)?,
                output: linear(&name("self_attention/linear_1"), STATES, STATES)?,
                ffn_norm: norm(&name("ffn/layer_norm"))?,
                up: linear(&name("ffn/linear_0"), FFN, STATES)?,
                down: linear(&name("ffn/linear_1"), STATES, FFN)?,
            })
        };
        Ok(Self {
            conv1: convolution(gpu, tensors, "conv1", MELS, MEL_STRIDE)?,
            conv2: convolution(gpu, tensors, "conv2", STATES, STATES)?,
            positions: tensors.vector(gpu, "encoder/position_encodings/encodings", MOST_STATES * STATES)?,
            layers: (0..LAYERS).map(layer).collect::<Result<_>>()?,
            norm: norm("layer_norm")?,
            work: Work::new(gpu),
        })
    }

    /// Records the encoding of `mel` (`[frames, 80]`, an even number of frames, at most [`MOST_FRAMES`]) and returns where
    /// the states will be: `[frames / 2, 512]`, 50 a second.
    ///
    /// # Errors
    /// [`Error::Format`] if there are no frames, or too many.
    pub fn record(&self, gpu: &Gpu, plan: &mut PlanBuilder<'_>, mel: &[f32]) -> Result<&wgpu::Buffer> {
        let frames = mel.len() / MELS;
        if frames == 0 || frames > MOST_FRAMES {
            let message = format!("{frames} mel frames, expected 1 to {MOST_FRAMES}");
            return Err(Error::format("log-mel", message));
        }
        let work = &self.work;
        // A row of zeros, the frames, a row of zeros.
        let mut padded = vec![0.0; (frames + 2) * MEL_STRIDE];
        for (to, from) in padded[MEL_STRIDE..].chunks_exact_mut(MEL_STRIDE).zip(mel.chunks_exact(MELS)) {
            to[..MELS].copy_from_slice(from);
        }
        write_f32(gpu, &work.mel, 0, &padded);
        write_f32(gpu, &work.middle, (frames + 1) * STATES, &[0.0; STATES]);

        let overlapping = |buffer, offset, stride| Rows { buffer, offset, stride };
        let gelu = Epilogue::BiasGelu;
        let x = overlapping(&work.mel, 0, MEL_STRIDE);
        let y = overlapping(&work.middle, STATES, STATES);
        matmul(plan, &self.conv1.weight, x, y, frames, gelu, Some(&self.conv1.bias));
        let count = frames.div_ceil(2);
        let x = Rows::dense(&work.x, STATES);
        let y = overlapping(&work.middle, 0, 2 * STATES);
        matmul(plan, &self.conv2.weight, y, x, count, gelu, Some(&self.conv2.bias));
        for (index, layer) in self.layers.iter().enumerate() {
            // The positions join the states on the way into the first norm.
            let add = (index == 0).then(|| Rows::dense(&self.positions, STATES));
            layer.record(plan, work, count, add);
        }
        layer_norm(plan, x, None, &self.norm, Rows::dense(&work.states, STATES), STATES, count);
        Ok(&work.states)
    }
}

impl Layer {
    fn record(&self, plan: &mut PlanBuilder<'_>, work: &Work, count: usize, add: Option<Rows<'_>>) {
        let x = Rows::dense(&work.x, STATES);
        let normed = Rows::dense(&work.normed, STATES);
        let qkv = Rows::dense(&work.qkv, 3 * STATES);
        let mixed = Rows::dense(&work.mixed, STATES);
        let hidden = Rows::dense(&work.hidden, FFN);
        let capacity = MOST_STATES;
        layer_norm(plan, x, add, &self.attention_norm, normed, STATES, count);
        matmul(plan, &self.qkv.weight, normed, qkv, count, Epilogue::Bias, Some(&self.qkv.bias));
        // Without positions of its own, this only sorts keys and values by head.
        let shape = RopeShape { heads: HEADS, kv_heads: HEADS, capacity, count, interleaved: true };
        rope_append(plan, qkv, &work.identity, &work.keys, &work.values, &work.state, shape);
        let shape = AttentionShape { heads: HEADS, kv_heads: HEADS, capacity, count, mask: Mask::Full(count) };
        attention(plan, qkv, &work.keys, &work.values, &work.state, mixed, shape);
        matmul(plan, &self.output.weight, mixed, x, count, Epilogue::BiasAdd, Some(&self.output.bias));
        layer_norm(plan, x, None, &self.ffn_norm, normed, STATES, count);
        matmul(plan, &self.up.weight, normed, hidden, count, Epilogue::BiasGelu, Some(&self.up.bias));
        matmul(plan, &self.down.weight, hidden, x, count, Epilogue::BiasAdd, Some(&self.down.bias));
    }
}

impl Work {
    fn new(gpu: &Gpu) -> Self {
        let rows = |label: &str, rows: usize, width: usize| storage_zeroed(gpu, label, rows * width);
        let states = |label: &str, width: usize| rows(label, MOST_STATES, width);
        Self {
            mel: rows("mel", MOST_FRAMES + 2, MEL_STRIDE),
            middle: rows("conv1", MOST_FRAMES + 2, STATES),
            x: states("encoder x", STATES),
            normed: states("encoder norm", STATES),
            qkv: states("encoder qkv", 3 * STATES),
            mixed: states("encoder mix", STATES),
            hidden: states("encoder hidden", FFN),
            keys: states("encoder keys", STATES),
            values: states("encoder values", STATES),
            identity: storage_from(gpu, "no rotation", &rope::identity_table(MOST_STATES)),
            state: storage_zeroed(gpu, "position 0", 4),
            states: states("encoder states", STATES),
        }
    }
}

/// A convolution of width 3 as a matrix: `[512, channels, 3]` becomes `[512, 3 · stride]`, a row of input after the other.
fn convolution(gpu: &Gpu, tensors: &Tensors, name: &str, channels: usize, stride: usize) -> Result<Linear> {
    let weight = tensors.floats(&format!("encoder/{name}/weight"), STATES * channels * 3)?;
    let mut turned = vec![0.0; STATES * 3 * stride];
    for out in 0..STATES {
        for channel in 0..channels {
            for tap in 0..3 {
                turned[(out * 3 + tap) * stride + channel] = weight[(out * channels + channel) * 3 + tap];
            }
        }
    }
    // The file holds 16-bit floats, so nothing is lost.
    let matrix = Matrix::quantize(Format::F16, STATES, 3 * stride, &turned);
    Ok(Linear {
        weight: GpuMatrix::upload(gpu, name, &matrix),
        bias: tensors.vector(gpu, &format!("encoder/{name}/bias"), STATES)?,
    })
}
