//! Decoding: sequences and their KV caches, the loop that keeps steps in flight, stop rules.

mod generate;
mod sequence;

pub use generate::{Between, Generation, Options, Runner, Stop, Token, decode};
pub use sequence::{KvCache, LayerCache, Sequence, state};
