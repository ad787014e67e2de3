//! Decoding: sequences and their KV caches, the loop that keeps steps in flight, stop rules; what letters say of sub-words.

pub mod align;
mod beam;
pub mod ctc;
mod generate;
mod guide;
pub mod joint;
pub mod lexicon;
mod sequence;
pub mod spelling;

pub use beam::{Beside, BetweenLanes, Lanes, Next, Row, decode_beam};
pub use generate::{Between, Generation, Options, Runner, Stop, Token, decode};
pub use guide::{Guide, PLAUSIBLE};
pub use sequence::{KvCache, LayerCache, Sequence, state};
