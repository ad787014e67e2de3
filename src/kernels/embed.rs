//! Embedding: rows of a quantized table, unpacked.

use super::matmul::{GpuMatrix, Rows};
use crate::gpu::{Access, Kernel, PlanBuilder};
use crate::weights::quant::Format;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    blocks: u32,
    first: u32,
    out_offset: u32,
    out_stride: u32,
    scales: u32,
    pad: [u32; 2],
}

fn kernel(format: Format) -> Kernel {
    Kernel {
        name: format!("embed.{}", format.name()),
        source: [include_str!("../../shaders/embed.wgsl"), super::weights_source(format)].join("\n"),
        access: &[Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    Format::ALL.map(kernel).to_vec()
}

/// Records `out[t] = table[ids[first + t]]` for `count` rows. `table` is `[vocabulary, width]`, `out` `[count, width]`;
/// an id beyond the vocabulary gives zeros.
pub fn embed(
    plan: &mut PlanBuilder<'_>,
    table: &GpuMatrix,
    ids: &wgpu::Buffer,
    first: usize,
    out: Rows<'_>,
    count: usize,
) {
    let blocks = (table.columns / 32) as u32;
    let params = Params {
        rows: table.rows as u32,
        blocks,
        first: first as u32,
        out_offset: out.offset as u32,
        out_stride: out.stride as u32,
        scales: table.scales(),
        pad: [0; 2],
    };
    let bindings = [table.buffer().into(), ids.into(), out.buffer.into()];
    plan.dispatch(&kernel(table.format), &params, &bindings, [(blocks * 4).div_ceil(64), count as u32, 1]);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::{Int, Tensor};

    /// Rows `ids` (`[count]`) of the dequantized `table` (`[vocabulary, width]`).
    #[must_use]
    pub fn embed(table: Tensor<2>, ids: Tensor<1, Int>) -> Tensor<2> {
        table.select(0, ids)
    }
}
