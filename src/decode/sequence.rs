//! A sequence: its KV cache and the few words of state that live on the device, so that steps need no host in between.

use crate::gpu::{Gpu, storage_zeroed};

/// Keys and values of one layer, `[kv_heads, capacity, 64]` each.
pub struct LayerCache {
    /// Keys, already rotated.
    pub keys: wgpu::Buffer,
    /// Values.
    pub values: wgpu::Buffer,
    /// Positions that fit.
    pub capacity: usize,
}

/// Keys and values of every layer.
pub struct KvCache {
    /// In order.
    pub layers: Vec<LayerCache>,
}

impl KvCache {
    /// Room for `capacity` positions in `layers` layers.
    #[must_use]
    pub fn new(gpu: &Gpu, layers: usize, kv_heads: usize, capacity: usize) -> Self {
        let part = |label: &str| storage_zeroed(gpu, label, kv_heads * capacity * 64);
        let layers = (0..layers).map(|_| LayerCache { keys: part("keys"), values: part("values"), capacity }).collect();
        Self { layers }
    }

    /// Bytes on the device.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.layers.iter().map(|l| l.keys.size() + l.values.size()).sum()
    }
}

/// Words of a sequence's state on the device.
pub mod state {
    /// Position of the next row: rows in the cache so far.
    pub const POSITION: usize = 0;
    /// The token drawn last, input of the next step.
    pub const TOKEN: usize = 1;
    /// 1 once the end token was drawn.
    pub const DONE: usize = 2;
    /// Tokens drawn so far.
    pub const DRAWN: usize = 3;
    /// Number of words.
    pub const WORDS: usize = 4;
}

/// One sequence of one tower. Sequences share the tower's weights and nothing else.
pub struct Sequence {
    /// Its keys and values.
    pub cache: KvCache,
    /// Its state (see [`state`]).
    pub state: wgpu::Buffer,
    /// Tokens drawn, by their number.
    pub drawn: wgpu::Buffer,
    /// What the sampler is told (see `kernels::sample`).
    pub controls: wgpu::Buffer,
    length: usize,
}

impl Sequence {
    /// An empty sequence.
    #[must_use]
    pub fn new(gpu: &Gpu, cache: KvCache) -> Self {
        let capacity = cache.layers.first().map_or(0, |l| l.capacity);
        Self {
            cache,
            state: storage_zeroed(gpu, "sequence state", state::WORDS),
            drawn: storage_zeroed(gpu, "drawn tokens", capacity),
            controls: storage_zeroed(gpu, "sampling controls", crate::kernels::sample::CONTROL_WORDS),
            length: 0,
        }
    }

    /// A second memory of the same tokens: `cache` is its own, place and tokens are this one's.
    #[must_use]
    pub fn twin(&self, cache: KvCache) -> Self {
        Self {
            cache,
            state: self.state.clone(),
            drawn: self.drawn.clone(),
            controls: self.controls.clone(),
            length: self.length,
        }
    }

    /// Positions that fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.cache.layers.first().map_or(0, |l| l.capacity)
    }

    /// Rows that the host knows to be in the cache.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Says on the queue's time line that the next row stands at `position` and that no token was drawn yet. What the
    /// cache holds from there on is forgotten.
    pub fn restart_at(&mut self, gpu: &Gpu, position: usize) {
        let words = [position as u32, 0, 0, 0];
        gpu.queue().write_buffer(&self.state, 0, bytemuck::cast_slice(&words));
        self.length = position;
    }

    /// Says on the queue's time line that `token` goes in next, behind the rows that the host knows of.
    pub fn put(&self, gpu: &Gpu, token: u32) {
        let words = [self.length as u32, token, 0, 0];
        gpu.queue().write_buffer(&self.state, 0, bytemuck::cast_slice(&words));
    }

    /// Notes that `rows` more rows are in the cache.
    pub fn grew(&mut self, rows: usize) {
        self.length += rows;
    }
}
