//! The roofline that decoding is measured against: how fast the adapter reads memory at all.

use crate::gpu::{Access, Kernel, KernelSet, PlanBuilder};

/// Invocations that share the buffer.
pub const INVOCATIONS: usize = 4096;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count: u32,
    stride: u32,
    spacing: u32,
    pad: u32,
}

fn kernel() -> Kernel {
    Kernel {
        name: "stream_read".into(),
        source: include_str!("../../shaders/stream_read.wgsl").into(),
        access: &[Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

/// Records one reading of `words` (a multiple of `INVOCATIONS · 16` words); `sums` takes [`INVOCATIONS`] words. Software
/// adapters read neighbouring words an invocation, GPUs neighbouring words a workgroup: what suits each best.
pub fn stream_read(plan: &mut PlanBuilder<'_>, words: &wgpu::Buffer, sums: &wgpu::Buffer) {
    let count = words.size() as usize / 16 / INVOCATIONS;
    let (stride, spacing) = match plan.gpu().kernels() {
        KernelSet::Plain => (1, count),
        KernelSet::Tiled => (INVOCATIONS, 1),
    };
    let params = Params { count: count as u32, stride: stride as u32, spacing: spacing as u32, pad: 0 };
    plan.dispatch(&kernel(), &params, &[words.into(), sums.into()], [(INVOCATIONS / 64) as u32, 1, 1]);
}

/// The same on the host.
pub mod reference {
    /// The sum of all words, modulo 2³²: what the sums together must give, however the words are shared out.
    #[must_use]
    pub fn total(words: &[u32]) -> u32 {
        words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
    }
}
