//! Decoding: sequences and their KV caches, the loop that keeps steps in flight, stop rules; what letters say of sub-words.

pub mod align;
pub mod ctc;
mod generate;
pub mod joint;
mod sequence;
pub mod spelling;

pub use generate::{Between, Generation, Options, Runner, Stop, Token, decode, decode_with};
pub use sequence::{KvCache, LayerCache, Sequence, state};
