//! Zipper: two decoder towers, each pretrained alone, zipped by gated cross-attention (arXiv 2405.18669), on WebGPU.

pub mod error;
pub mod gpu;
pub mod kernels;
pub mod tokens;
pub mod weights;

pub use error::{Error, Result};
