//! What a person asks for: write, hear, speak, converse.

pub mod generate;
pub mod speak;
pub mod transcribe;
pub mod zipped;
