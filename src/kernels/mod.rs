//! Our WGSL kernels: one Rust file a kernel, beside its shader in `shaders/`.
//!
//! Each file holds the kernel's binding (a function that records a dispatch), its shapes, and `reference`: the same
//! computation in plain burn operations, which the tests compare it with on many shapes.

pub mod attention;
pub mod attention_weights;
pub mod contrast;
pub mod depthwise;
pub mod embed;
pub mod layer_norm;
pub mod matmul;
pub mod overlap_add;
pub mod rms_norm;
pub mod rope;
pub mod sample;
pub mod spectrum;
pub mod stream_read;
pub mod stretch;

use crate::gpu::Kernel;
use crate::weights::quant::Format;

/// Every kernel in every variant, with its final WGSL, so that a browser test can compile them all.
#[must_use]
pub fn all() -> Vec<Kernel> {
    [
        attention::all(),
        attention_weights::all(),
        contrast::all(),
        depthwise::all(),
        embed::all(),
        layer_norm::all(),
        matmul::all(),
        overlap_add::all(),
        rms_norm::all(),
        rope::all(),
        sample::all(),
        spectrum::all(),
        stream_read::all(),
        stretch::all(),
    ]
    .concat()
}

/// The piece of WGSL that unpacks weights stored as `format`.
fn weights_source(format: Format) -> &'static str {
    match format {
        Format::F32 => include_str!("../../shaders/shared/weights_f32.wgsl"),
        Format::F16 => include_str!("../../shaders/shared/weights_f16.wgsl"),
        Format::Q8_0 => include_str!("../../shaders/shared/weights_q8_0.wgsl"),
        Format::Q4_1 => include_str!("../../shaders/shared/weights_q4_1.wgsl"),
    }
}
