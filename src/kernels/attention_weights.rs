//! What one row attends to: the softmax weights of cross-attention, averaged over heads, for whoever wants to see them. The attention
//! itself (`attention`) never writes them down.

use super::matmul::Rows;
use crate::gpu::{Access, Kernel, PlanBuilder};

/// Shapes of the query and the cache. Heads have 64 channels; every head has keys of its own.
#[derive(Clone, Copy, Debug)]
pub struct WeightsShape {
    /// Heads.
    pub heads: usize,
    /// Positions that the cache holds room for.
    pub capacity: usize,
    /// Positions that are attended to, at least 1.
    pub held: usize,
    /// Rows that are kept, at least 1: row `state[0] % rows` is written.
    pub rows: usize,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    heads: u32,
    capacity: u32,
    held: u32,
    q_offset: u32,
    rows: u32,
    pad: [u32; 3],
}

fn scores() -> Kernel {
    Kernel {
        name: "attention_scores".into(),
        source: include_str!("../../shaders/attention_scores.wgsl").into(),
        access: &[Access::Read, Access::Read, Access::ReadWrite],
    }
}

fn share() -> Kernel {
    Kernel {
        name: "attention_share".into(),
        source: include_str!("../../shaders/attention_share.wgsl").into(),
        access: &[Access::Read, Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![scores(), share()]
}

/// Records the weights of one row of queries `q` (`[heads · 64]`) over `keys` (`[heads, capacity, 64]`) into its row of `out` (`[rows, held]`).
/// `scratch` has room for `[heads, held]`.
pub fn attention_weights(
    plan: &mut PlanBuilder<'_>,
    q: Rows<'_>,
    keys: &wgpu::Buffer,
    state: &wgpu::Buffer,
    scratch: &wgpu::Buffer,
    out: &wgpu::Buffer,
    shape: WeightsShape,
) {
    let WeightsShape { heads, capacity, held, rows } = shape;
    let params = Params {
        heads: heads as u32,
        capacity: capacity as u32,
        held: held as u32,
        q_offset: (q.offset / 4) as u32,
        rows: rows as u32,
        pad: [0; 3],
    };
    let groups = params.held.div_ceil(64);
    plan.dispatch(&scores(), &params, &[q.buffer.into(), keys.into(), scratch.into()], [groups, params.heads, 1]);
    plan.dispatch(&share(), &params, &[scratch.into(), state.into(), out.into()], [groups, 1, 1]);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::{Tensor, activation};

    /// `q` `[heads, 64]`, `keys` `[heads, held, 64]`; returns `[held]`.
    #[must_use]
    pub fn attention_weights(q: Tensor<2>, keys: Tensor<3>) -> Tensor<1> {
        let scores: Tensor<2> = (q.unsqueeze_dim::<3>(2).swap_dims(1, 2) * keys).sum_dim(2).squeeze_dim(2) * 0.125;
        activation::softmax(scores, 1).mean_dim(0).squeeze_dim(0)
    }
}
