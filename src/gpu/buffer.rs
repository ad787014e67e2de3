//! Storage buffers of ours.

use super::Gpu;

const USAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST).union(wgpu::BufferUsages::COPY_SRC);

/// A storage buffer of `words` 32-bit words, all zero.
#[must_use]
pub fn storage_zeroed(gpu: &Gpu, label: &str, words: usize) -> wgpu::Buffer {
    let size = (words.max(4) * 4) as u64;
    gpu.count_allocation(size);
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage: USAGE,
        mapped_at_creation: false,
    })
}

/// A storage buffer holding `data`.
#[must_use]
pub fn storage_from<T: bytemuck::NoUninit>(gpu: &Gpu, label: &str, data: &[T]) -> wgpu::Buffer {
    let bytes: &[u8] = bytemuck::cast_slice(data);
    let buffer = storage_zeroed(gpu, label, bytes.len().div_ceil(4));
    // Through the queue, since a buffer that is mapped at creation panics on a lost device.
    gpu.queue().write_buffer(&buffer, 0, bytes);
    buffer
}

/// Writes `data` at `offset` (in 32-bit words) into `buffer` on the queue's time line.
pub fn write_f32(gpu: &Gpu, buffer: &wgpu::Buffer, offset: usize, data: &[f32]) {
    gpu.queue().write_buffer(buffer, (offset * 4) as u64, bytemuck::cast_slice(data));
}
