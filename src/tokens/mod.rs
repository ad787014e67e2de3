//! Tokens of both modalities.

pub mod text;

pub use text::{TextStream, TextTokenizer};
