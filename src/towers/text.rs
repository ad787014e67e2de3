//! The text tower: SmolLM2-135M-Instruct (Llama layout) from its GGUF, frozen.

use super::tower::Head;
use super::{Block, BlockConfig, Tower, TowerConfig};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, storage_from};
use crate::kernels::matmul::GpuMatrix;
use crate::kernels::rope;
use crate::tokens::TextTokenizer;
use crate::weights::gguf::{Header, Reader, TensorInfo};
use crate::weights::quant::{Format, Matrix};
use std::collections::HashMap;

/// Positions that a sequence's KV cache holds: 2048 x 46 KB = 94 MB for this tower.
pub const CONTEXT: usize = 2048;

/// The text tower and its tokenizer.
pub struct TextTower {
    /// The tower.
    pub tower: Tower,
    /// Its tokenizer.
    pub tokenizer: TextTokenizer,
    /// Number of weights.
    pub parameters: usize,
}

/// Takes the GGUF in pieces and puts every tensor on the device as soon as it is whole.
pub struct Loader {
    gpu: Gpu,
    reader: Reader,
    parts: Parts,
}

/// Tensors that came, and matrices that wait for their companions.
#[derive(Default)]
struct Parts {
    waiting: HashMap<String, Matrix>,
    matrices: HashMap<String, GpuMatrix>,
    vectors: HashMap<String, wgpu::Buffer>,
    parameters: usize,
}

/// Matrices that are multiplied as one: the parts in order, and the name of the whole.
const FUSED: [(&[&str], &str); 2] = [(&["attn_q", "attn_k", "attn_v"], "qkv"), (&["ffn_gate", "ffn_up"], "gate_up")];

impl Parts {
    fn take(&mut self, gpu: &Gpu, info: &TensorInfo, bytes: &[u8]) -> Result<()> {
        let name = info.name.strip_suffix(".weight").unwrap_or(&info.name);
        self.parameters += info.rows * info.columns;
        if info.rows == 1 && info.format == Format::F32 {
            let values: Vec<f32> = bytemuck::pod_collect_to_vec(bytes);
            self.vectors.insert(name.to_owned(), storage_from(gpu, name, &values));
            return Ok(());
        }
        let matrix = Matrix::from_gguf(info.format, info.rows, info.columns, bytes).ok_or_else(|| {
            Error::format(&info.name, format!("expected whole blocks of 32 columns, found {}", info.columns))
        })?;
        let (prefix, last) = name.rsplit_once('.').unwrap_or(("", name));
        let Some((group, whole)) = FUSED.iter().find(|(group, _)| group.contains(&last)) else {
            self.matrices.insert(name.to_owned(), GpuMatrix::upload(gpu, name, &matrix));
            return Ok(());
        };
        self.waiting.insert(name.to_owned(), matrix);
        let names: Vec<String> = group.iter().map(|part| format!("{prefix}.{part}")).collect();
        if names.iter().all(|n| self.waiting.contains_key(n)) {
            let parts: Vec<Matrix> = names.iter().filter_map(|n| self.waiting.remove(n)).collect();
            let stacked = Matrix::stack(&parts.iter().collect::<Vec<_>>())
                .ok_or_else(|| Error::format(&info.name, format!("{names:?} differ in format or width")))?;
            let name = format!("{prefix}.{whole}");
            self.matrices.insert(name.clone(), GpuMatrix::upload(gpu, &name, &stacked));
        }
        Ok(())
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<GpuMatrix> {
        let matrix = self.matrices.remove(name).ok_or_else(|| Error::format(name, "the tensor is missing"))?;
        if (matrix.rows, matrix.columns) == (rows, columns) {
            return Ok(matrix);
        }
        Err(Error::format(name, format!("expected {rows} x {columns}, found {} x {}", matrix.rows, matrix.columns)))
    }

    fn vector(&mut self, name: &str, width: usize) -> Result<wgpu::Buffer> {
        let vector = self.vectors.remove(name).ok_or_else(|| Error::format(name, "the tensor is missing"))?;
        if vector.size() == 4 * width as u64 {
            return Ok(vector);
        }
        Err(Error::format(name, format!("expected {width} values, found {}", vector.size() / 4)))
    }
}

/// The shape that the header describes.
pub(super) fn config(header: &Header) -> Result<TowerConfig> {
    let architecture = header.text("general.architecture")?;
    if architecture != "llama" {
        return Err(Error::format("GGUF header", format!("expected architecture llama, found {architecture}")));
    }
    let (width, heads) = (header.integer("llama.embedding_length")?, header.integer("llama.attention.head_count")?);
    if width != heads * 64 {
        return Err(Error::format("GGUF header", format!("expected heads of 64 channels, found {width} / {heads}")));
    }
    let embedding = header.tensors.iter().find(|t| t.name == "token_embd.weight");
    let vocabulary = embedding.ok_or_else(|| Error::format("token_embd.weight", "the tensor is missing"))?.rows;
    Ok(TowerConfig {
        block: BlockConfig {
            width,
            heads,
            kv_heads: header.integer("llama.attention.head_count_kv")?,
            ffn: header.integer("llama.feed_forward_length")?,
            eps: header.float("llama.attention.layer_norm_rms_epsilon")? as f32,
            // llama.cpp permutes the rows of q and k for this rotation.
            interleaved: true,
        },
        layers: header.integer("llama.block_count")?,
        vocabulary,
        rope_base: header.float("llama.rope.freq_base")?,
        context: CONTEXT.min(header.integer("llama.context_length")?),
    })
}

impl Loader {
    /// A loader at the start of the file.
    #[must_use]
    pub fn new(gpu: &Gpu) -> Self {
        Self { gpu: gpu.clone(), reader: Reader::new(), parts: Parts::default() }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// [`Error::Format`] naming the tensor, or what the device reports.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { gpu, reader, parts } = self;
        gpu.guarded("loading", || reader.push(bytes, |_, info, bytes| parts.take(gpu, info, bytes))).await?
    }

    /// The tower, when the whole file was taken.
    ///
    /// # Errors
    /// [`Error::ModelMissing`] if bytes are still missing, [`Error::Format`] if tensors are.
    pub fn finish(self) -> Result<TextTower> {
        let Self { gpu, reader, mut parts } = self;
        let header = match reader.header() {
            Some(header) if reader.is_complete() => header,
            _ => return Err(Error::ModelMissing("the file ended before its last tensor".into())),
        };
        let config = config(header)?;
        let tokenizer = TextTokenizer::from_gguf(header)?;
        let BlockConfig { width, heads, ffn, .. } = config.block;
        let mut blocks = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            let name = |part: &str| format!("blk.{layer}.{part}");
            blocks.push(Block {
                attention_norm: parts.vector(&name("attn_norm"), width)?,
                qkv: parts.matrix(&name("qkv"), config.block.qkv(), width)?,
                output: parts.matrix(&name("attn_output"), width, heads * 64)?,
                ffn_norm: parts.vector(&name("ffn_norm"), width)?,
                gate_up: parts.matrix(&name("gate_up"), 2 * ffn, width)?,
                down: parts.matrix(&name("ffn_down"), width, ffn)?,
            });
        }
        let head = match parts.matrices.contains_key("output") {
            true => Head::Own(parts.matrix("output", config.vocabulary, width)?),
            false => Head::Tied,
        };
        let tower = Tower {
            embedding: parts.matrix("token_embd", config.vocabulary, width)?,
            blocks,
            output_norm: parts.vector("output_norm", width)?,
            head,
            rope: storage_from(&gpu, "rope", &rope::table(config.rope_base, config.context)),
            config,
        };
        Ok(TextTower { tower, tokenizer, parameters: parts.parameters })
    }
}
