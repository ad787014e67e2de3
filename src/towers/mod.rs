//! The two towers: decoder-only transformers, each pretrained alone on its own modality.
//!
//! [`Tower`] is what they share (RMSNorm, rotary positions, grouped-query attention, SwiGLU); [`text`] and the speech
//! tower only say where their weights come from. A tower knows nothing of the zip: whoever runs it may look at and
//! change the hidden states after each layer (see [`Tower::record`]).

mod block;
mod tower;

pub mod plain;
pub mod speech;
pub mod text;

pub use block::{Block, BlockConfig};
pub use tower::{Head, Layer, Rows, Tower, TowerConfig, Workspace};
