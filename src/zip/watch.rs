//! Watching a link: what the rows of the target tower attend to in the source tower, as a picture of the zip at work.

use super::{Memories, Zip};
use crate::error::Result;
use crate::gpu::{Gpu, Readback, storage_zeroed};

/// One link's attention weights, averaged over its heads, a row for each step of one row.
pub struct Watch {
    /// Which link.
    pub link: usize,
    /// Rows kept; step `i` of the sequence writes row `i % rows`.
    pub rows: usize,
    pub(super) scratch: wgpu::Buffer,
    /// `[rows, held]`, where `held` is what the link's memory holds.
    pub(super) weights: wgpu::Buffer,
}

impl Watch {
    /// Watches the last link that leads into tower `target`; `None` where none does. `capacity` is that of the memories, `rows` how many steps are kept.
    #[must_use]
    pub fn new(gpu: &Gpu, zip: &Zip, target: usize, capacity: usize, rows: usize) -> Option<Self> {
        let link = zip.links.iter().rposition(|l| l.spec.target.0 == target)?;
        Some(Self {
            link,
            rows,
            scratch: storage_zeroed(gpu, "attention scores", zip.links[link].spec.heads * capacity),
            weights: storage_zeroed(gpu, "attention weights", rows * capacity),
        })
    }

    /// Asks for rows `0 .. rows` as they are once all that was submitted before has run.
    #[must_use]
    pub fn request(&self, gpu: &Gpu, memories: &Memories, rows: usize) -> Readback {
        let encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        Readback::submit(gpu, encoder, &self.weights, 0, rows * memories.links[self.link].held())
    }

    /// Rows `0 .. rows` of the weights, one after another; each sums to 1.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn read(&self, gpu: &Gpu, memories: &Memories, rows: usize) -> Result<Vec<f32>> {
        self.request(gpu, memories, rows).words::<f32>(gpu).await
    }
}
