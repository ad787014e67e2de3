//! Tokens of both modalities, and what is in front of them.

pub mod encoder;
pub mod speech;
pub mod speller;
pub mod text;

pub use text::{TextStream, TextTokenizer};
