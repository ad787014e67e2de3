//! Zipper: two decoder towers, each pretrained alone, zipped by gated cross-attention (arXiv 2405.18669), on WebGPU.
//!
//! The house, room by room, in the order that data walks through it:
//!
//! | room | what is there |
//! | --- | --- |
//! | [`weights`] | files on their way to the device: GGUF, quantized formats, manifests and sums |
//! | [`audio`] | log-mel, voice activity |
//! | [`tokens`] | tokens of both modalities: text and back, speech through encoder and quantizer; the letters of speech |
//! | [`towers`] | the two decoders and the transformer block they share |
//! | [`zip`] | **the heart**: gated cross-attention between the towers |
//! | [`decode`] | sequences, KV caches, the loop that keeps steps in flight, and joint decoding with the letters |
//! | [`text`] | text as people read it aloud, in pieces |
//! | [`vocoder`] | the voice: speech tokens to sound |
//! | [`tasks`] | what a person asks for: write, hear, speak |
//! | [`convnext`] | convolutional blocks over time, which quantizer, speller and voice share |
//! | [`model`] | the zipped model's config |
//! | [`kernels`] | one Rust file a WGSL shader: its binding, its shapes, its reference in plain burn |
//! | [`bench`] | what the benches measure |
//! | [`gpu`] | the device, shared by burn and our kernels; plans of dispatches, recorded once and replayed |
//! | `web` | the wasm-bindgen surface, nothing else |

pub mod audio;
pub mod bench;
pub mod clock;
pub mod convnext;
pub mod decode;
pub mod error;
pub mod gpu;
pub mod kernels;
pub mod model;
pub mod tasks;
pub mod text;
pub mod tokens;
pub mod towers;
pub mod vocoder;
#[cfg(target_arch = "wasm32")]
mod web;
pub mod weights;
pub mod zip;

pub use error::{Error, Result};
