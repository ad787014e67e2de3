//! Small results on their way back to the host.

use super::Gpu;
use crate::error::{Error, Result};

/// A copy of part of a buffer, requested now, awaited later.
pub struct Readback {
    staging: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    mapped: futures_channel::oneshot::Receiver<std::result::Result<(), wgpu::BufferAsyncError>>,
}

impl Readback {
    /// Encodes a copy of `words` 32-bit words from word `offset` of `source`, submits `encoder` and asks for the bytes.
    #[must_use]
    pub fn submit(
        gpu: &Gpu,
        mut encoder: wgpu::CommandEncoder,
        source: &wgpu::Buffer,
        offset: usize,
        words: usize,
    ) -> Self {
        let size = (words * 4) as u64;
        let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        encoder.copy_buffer_to_buffer(source, (offset * 4) as u64, &staging, 0, size);
        let submission = gpu.queue().submit([encoder.finish()]);
        let (sender, mapped) = futures_channel::oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = sender.send(result);
        });
        Self { staging, submission, mapped }
    }

    /// Waits for the words.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] or [`Error::Gpu`] when the device failed before or while it ran.
    pub async fn words<T: bytemuck::Pod>(self, gpu: &Gpu) -> Result<Vec<T>> {
        let mapped = gpu.wait(self.submission, self.mapped).await?;
        gpu.check()?;
        let failed = |message: String| Error::Gpu { stage: "readback".into(), message };
        mapped.map_err(|e| failed(e.to_string()))?;
        let view = self.staging.get_mapped_range(..).map_err(|e| failed(format!("{e:?}")))?;
        let words = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        self.staging.unmap();
        Ok(words)
    }
}

impl Gpu {
    /// Reads `words` values from word `offset` of `buffer`.
    ///
    /// # Errors
    /// As [`Readback::words`].
    pub async fn read<T: bytemuck::Pod>(&self, buffer: &wgpu::Buffer, offset: usize, words: usize) -> Result<Vec<T>> {
        let encoder = self.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        Readback::submit(self, encoder, buffer, offset, words).words(self).await
    }
}
