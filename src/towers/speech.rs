//! The speech tower: a decoder over speech tokens, pretrained on them alone, then trained along with the zip.

use super::block::HEAD;
use super::tower::Head;
use super::{Block, BlockConfig, Tower, TowerConfig};
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_from};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::kernels::rope;
use crate::weights::safetensors::Tensors;
use serde::Deserialize;

/// The `speech` section of `config.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct SpeechConfig {
    layers: usize,
    width: usize,
    heads: usize,
    kv_heads: usize,
    ffn: usize,
    /// Codes, marks and spare rows.
    pub vocabulary: usize,
    rope_base: f64,
    eps: f32,
    /// Channels of the continuous features beside a token (0: none).
    pub features: usize,
    /// The token before every clip.
    pub start: u32,
    /// The token after every clip.
    pub end: u32,
}

/// The speech tower.
pub struct SpeechTower {
    /// The tower.
    pub tower: Tower,
    /// Special tokens and sizes.
    pub config: SpeechConfig,
    feature_in: GpuMatrix,
}

/// Positions: 30 s at 25 tokens a second, and the marks.
pub const CONTEXT: usize = 768;

impl SpeechTower {
    /// From `speech_tower.safetensors`.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a tensor is missing or has another shape.
    pub fn new(gpu: &Gpu, config: SpeechConfig, tensors: &Tensors) -> Result<Self> {
        let shape = TowerConfig {
            block: BlockConfig {
                width: config.width,
                heads: config.heads,
                kv_heads: config.kv_heads,
                ffn: config.ffn,
                eps: config.eps,
                interleaved: true,
            },
            layers: config.layers,
            vocabulary: config.vocabulary,
            rope_base: config.rope_base,
            context: CONTEXT,
        };
        let (width, inner, kv, ffn) = (config.width, config.heads * HEAD, config.kv_heads * HEAD, config.ffn);
        let block = |i: usize| -> Result<Block> {
            let name = |part: &str| format!("layers.{i}.{part}.weight");
            let qkv = [name("q"), name("k"), name("v")];
            Ok(Block {
                attention_norm: tensors.vector(gpu, &name("attention_norm"), width)?,
                qkv: tensors.upload_stacked(gpu, &qkv, &[inner, kv, kv], width)?,
                output: tensors.upload(gpu, &name("o"), width, inner)?,
                ffn_norm: tensors.vector(gpu, &name("ffn_norm"), width)?,
                gate_up: tensors.upload_stacked(gpu, &[name("gate"), name("up")], &[ffn, ffn], width)?,
                down: tensors.upload(gpu, &name("down"), width, ffn)?,
            })
        };
        let tower = Tower {
            embedding: tensors.upload(gpu, "embedding.weight", config.vocabulary, width)?,
            blocks: (0..config.layers).map(block).collect::<Result<_>>()?,
            output_norm: tensors.vector(gpu, "norm.weight", width)?,
            head: Head::Own(tensors.upload(gpu, "head.weight", config.vocabulary, width)?),
            rope: storage_from(gpu, "rope", &rope::table(config.rope_base, CONTEXT)),
            config: shape,
        };
        let feature_in = tensors.upload(gpu, "feature_in.weight", width, config.features)?;
        Ok(Self { tower, config, feature_in })
    }

    /// Records `x[first + t] += feature_in · features[t]` for `count` rows: what listening knows beyond the token.
    pub fn record_features(
        &self,
        plan: &mut PlanBuilder<'_>,
        features: &wgpu::Buffer,
        x: Rows<'_>,
        first: usize,
        count: usize,
    ) {
        let x = Rows { offset: x.offset + first * x.stride, ..x };
        matmul(plan, &self.feature_in, Rows::dense(features, self.config.features), x, count, Epilogue::Add, None);
    }
}
