//! Our WGSL kernels: one Rust file a kernel, beside its shader in `shaders/`.
//!
//! Each file holds the kernel's binding (a function that records a dispatch), its shapes, and `reference`: the same
//! computation in plain burn operations, which the tests compare it with on many shapes.

pub mod matmul;

use crate::gpu::Kernel;

/// Every kernel in every variant, with its final WGSL, so that a browser test can compile them all.
#[must_use]
pub fn all() -> Vec<Kernel> {
    [matmul::all()].concat()
}
