//! A tower: embedding, blocks, final norm, output head.

use super::block::{Block, BlockConfig};
use crate::decode::{KvCache, Sequence};
use crate::gpu::{Gpu, PlanBuilder, storage_zeroed};
use crate::kernels::embed::embed;
use crate::kernels::matmul::{Epilogue, GpuMatrix, matmul};
use crate::kernels::rms_norm::rms_norm;

pub use crate::kernels::matmul::Rows;

/// The shape of a tower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TowerConfig {
    /// Every block's shape.
    pub block: BlockConfig,
    /// Number of blocks.
    pub layers: usize,
    /// Tokens.
    pub vocabulary: usize,
    /// Base of the rotary angles.
    pub rope_base: f64,
    /// Positions that a KV cache holds.
    pub context: usize,
}

/// Where the logits come from.
pub enum Head {
    /// The embedding, used a second time.
    Tied,
    /// A matrix of its own, `[vocabulary, width]`.
    Own(GpuMatrix),
}

/// A moment between two layers: the states as the layer before left them.
pub struct Layer<'a> {
    /// Layers that have run: 0 behind the embedding, 1 after the first.
    pub after: usize,
    /// Hidden states, `[count, width]`; what is added here reaches the next layer.
    pub x: Rows<'a>,
    /// Rows.
    pub count: usize,
}

/// Scratch memory for up to [`Workspace::rows`] rows at once.
pub struct Workspace {
    /// Most rows a plan may process.
    pub rows: usize,
    /// Hidden states `[rows, width]`.
    pub x: wgpu::Buffer,
    /// Normed states `[rows, width]`.
    pub normed: wgpu::Buffer,
    /// Queries, keys, values `[rows, qkv]`.
    pub qkv: wgpu::Buffer,
    /// Attention's output `[rows, heads·64]`.
    pub mixed: wgpu::Buffer,
    /// Feed-forward states `[rows, ffn]`.
    pub hidden: wgpu::Buffer,
    /// Logits of one row `[vocabulary]`.
    pub logits: wgpu::Buffer,
}

/// A tower on the device.
pub struct Tower {
    /// Its shape.
    pub config: TowerConfig,
    /// `[vocabulary, width]`
    pub embedding: GpuMatrix,
    /// In order.
    pub blocks: Vec<Block>,
    /// `[width]`
    pub output_norm: wgpu::Buffer,
    /// Output head.
    pub head: Head,
    /// Cosines and sines, `[context, 32, 2]`.
    pub rope: wgpu::Buffer,
}

impl Tower {
    /// Scratch memory for `rows` rows at once.
    #[must_use]
    pub fn workspace(&self, gpu: &Gpu, rows: usize) -> Workspace {
        let block = &self.config.block;
        let zeroed = |label: &str, width: usize| storage_zeroed(gpu, label, rows * width);
        Workspace {
            rows,
            x: zeroed("x", block.width),
            normed: zeroed("normed", block.width),
            qkv: zeroed("qkv", block.qkv()),
            mixed: zeroed("mixed", block.heads * super::block::HEAD),
            hidden: zeroed("hidden", block.ffn),
            logits: storage_zeroed(gpu, "logits", self.config.vocabulary),
        }
    }

    /// An empty sequence of this tower.
    #[must_use]
    pub fn sequence(&self, gpu: &Gpu) -> Sequence {
        Sequence::new(gpu, self.kv_cache(gpu, self.config.context))
    }

    /// An empty KV cache of this tower with room for `capacity` positions.
    #[must_use]
    pub fn kv_cache(&self, gpu: &Gpu, capacity: usize) -> KvCache {
        KvCache::new(gpu, self.blocks.len(), self.config.block.kv_heads, capacity)
    }

    /// Records embedding and all blocks for `count` token ids that begin at word `first` of `ids`; the first of them
    /// stands at the sequence's next position. `between` is called before the first block and after every one: this is
    /// where a zip reads the states and adds its own to them. It may record nothing, and the tower is then exactly the
    /// pretrained one.
    pub fn record<'w>(
        &self,
        plan: &mut PlanBuilder<'_>,
        work: &'w Workspace,
        sequence: &Sequence,
        ids: (&wgpu::Buffer, usize),
        count: usize,
        between: &mut dyn FnMut(&mut PlanBuilder<'_>, Layer<'w>),
    ) {
        self.record_lower(plan, work, sequence, ids, count, self.blocks.len(), between);
    }

    /// As [`Tower::record`], the first `layers` blocks only: enough where only their states are wanted.
    #[allow(clippy::too_many_arguments)]
    pub fn record_lower<'w>(
        &self,
        plan: &mut PlanBuilder<'_>,
        work: &'w Workspace,
        sequence: &Sequence,
        ids: (&wgpu::Buffer, usize),
        count: usize,
        layers: usize,
        between: &mut dyn FnMut(&mut PlanBuilder<'_>, Layer<'w>),
    ) {
        debug_assert!(count <= work.rows, "{count} rows in a workspace of {}", work.rows);
        let x = Rows::dense(&work.x, self.config.block.width);
        embed(plan, &self.embedding, ids.0, ids.1, x, count);
        between(plan, Layer { after: 0, x, count });
        for (index, (block, cache)) in self.blocks.iter().zip(&sequence.cache.layers).take(layers).enumerate() {
            block.record(plan, &self.config.block, work, &self.rope, cache, &sequence.state, count);
            between(plan, Layer { after: index + 1, x, count });
        }
    }

    /// Records final norm and head for `count` rows from row `first` of the states on; logits go to `out`
    /// (`[count, vocabulary]`).
    pub fn record_logits(
        &self,
        plan: &mut PlanBuilder<'_>,
        work: &Workspace,
        first: usize,
        count: usize,
        out: Rows<'_>,
    ) {
        let width = self.config.block.width;
        let x = Rows { buffer: &work.x, offset: first * width, stride: width };
        let normed = Rows::dense(&work.normed, width);
        rms_norm(plan, x, None, &self.output_norm, normed, width, count, self.config.block.eps);
        let head = match &self.head {
            Head::Tied => &self.embedding,
            Head::Own(matrix) => matrix,
        };
        matmul(plan, head, normed, out, count, Epilogue::Store, None);
    }

    /// Weights in bytes, as they lie on the device.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        let blocks = self.blocks.iter().flat_map(|b| {
            [b.qkv.buffer(), b.output.buffer(), b.gate_up.buffer(), b.down.buffer(), &b.attention_norm, &b.ffn_norm]
        });
        let head = if let Head::Own(matrix) = &self.head { matrix.buffer().size() } else { 0 };
        blocks.map(wgpu::Buffer::size).sum::<u64>() + self.embedding.buffer().size() + self.output_norm.size() + head
    }
}
