//! The input projection: a small MLP with ReLU between a tower's embedding and its first block, used only when the tower
//! is zipped. It adapts the pretrained representation to the joint task (paper, section on the architecture).

use crate::gpu::{Gpu, PlanBuilder, storage_zeroed};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};

/// `x = w2 · relu(w1 · e)`.
pub struct Projection {
    /// `[width, width]`
    pub w1: GpuMatrix,
    /// `[width, width]`
    pub w2: GpuMatrix,
    zero_bias: wgpu::Buffer,
}

impl Projection {
    /// From its two matrices.
    #[must_use]
    pub fn new(gpu: &Gpu, w1: GpuMatrix, w2: GpuMatrix) -> Self {
        let zero_bias = storage_zeroed(gpu, "no bias", w1.rows);
        Self { w1, w2, zero_bias }
    }

    /// Records the projection of `count` rows of `x` in place; `scratch` holds as many rows of the same width.
    pub fn record(&self, plan: &mut PlanBuilder<'_>, x: Rows<'_>, scratch: &wgpu::Buffer, count: usize) {
        let hidden = Rows::dense(scratch, self.w1.rows);
        matmul(plan, &self.w1, x, hidden, count, Epilogue::BiasRelu, Some(&self.zero_bias));
        matmul(plan, &self.w2, hidden, x, count, Epilogue::Store, None);
    }
}
