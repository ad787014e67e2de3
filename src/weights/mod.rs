//! Weights on their way from files to the device: containers, storage formats, shards and their sums.

pub mod gguf;
pub mod manifest;
pub mod quant;
pub mod safetensors;
pub mod stream;
