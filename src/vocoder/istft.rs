//! The synthesis on the device: pulses to their spectrum, that and the decoder's parts to windows, windows to their sum. Both Fourier transforms are
//! matrix products: a frame is short, and a product is what a graphics processor does best.

use super::MOST_FRAMES;
use super::synthesis::{BINS, HOP, SIZE, window};
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_zeroed, write_f32};
use crate::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use crate::kernels::overlap_add::overlap_add;
use crate::kernels::spectrum::{SpectrumShape, spectrum};
use crate::weights::quant::{Format, Matrix};
use std::f64::consts::PI;

/// Words from a frame to the next: room for a window, or for the real and imaginary parts of its bins; a multiple of 32, as products want.
const STRIDE: usize = 1216;

/// The transforms with their scratch memory.
pub struct Istft {
    /// `[2 · bins, samples]`: a window's real parts, then the imaginary ones.
    forward: GpuMatrix,
    /// `[samples, 2 · bins]`: back, the synthesis window included.
    inverse: GpuMatrix,
    pulses: wgpu::Buffer,
    source: wgpu::Buffer,
    spectrum: wgpu::Buffer,
    windows: wgpu::Buffer,
    sum: wgpu::Buffer,
}

/// Cosine and sine of a bin's turn at a sample.
fn turn(bin: usize, sample: usize) -> (f64, f64) {
    let angle = 2.0 * PI * (bin * sample % SIZE) as f64 / SIZE as f64;
    (angle.cos(), angle.sin())
}

fn matrix(gpu: &Gpu, label: &str, rows: usize, at: impl Fn(usize, usize) -> f64) -> GpuMatrix {
    let values: Vec<f32> =
        (0..rows).flat_map(|row| (0..STRIDE).map(move |c| (row, c))).map(|(r, c)| at(r, c) as f32).collect();
    GpuMatrix::upload(gpu, label, &Matrix::quantize(Format::F32, rows, STRIDE, &values))
}

impl Istft {
    /// Computes the matrices: 12 MB on the device.
    #[must_use]
    pub fn new(gpu: &Gpu) -> Self {
        let window = window();
        let forward = matrix(gpu, "STFT", 2 * BINS, |row, sample| {
            let (cos, sin) = turn(row % BINS, sample);
            match sample {
                SIZE.. => 0.0,
                _ if row < BINS => cos,
                _ => -sin,
            }
        });
        let inverse = matrix(gpu, "inverse STFT", SIZE, |sample, column| {
            let (bin, real) = (column % BINS, column < BINS);
            let (cos, sin) = turn(bin, sample);
            // All bins but the first and the last stand for their mirror images, too.
            let twice = if bin == 0 || bin == BINS - 1 { 1.0 } else { 2.0 };
            let scale = twice * f64::from(window[sample]) / SIZE as f64;
            match column {
                c if c >= 2 * BINS => 0.0,
                _ if real => cos * scale,
                _ => -sin * scale,
            }
        });
        let zeroed = |label: &str, width: usize| storage_zeroed(gpu, label, MOST_FRAMES * width);
        Self {
            forward,
            inverse,
            pulses: zeroed("pulses", STRIDE),
            source: zeroed("pulses' spectrum", STRIDE),
            spectrum: zeroed("spectrum", STRIDE),
            windows: zeroed("windows", SIZE),
            sum: zeroed("windows' sum", SIZE),
        }
    }

    /// The sum of the windows of `pulses` (`[frames, SIZE]`, windowed) and of as many frames of `parts` from frame `first` on; `frame` is that frame's
    /// number in the sound. Returns `(frames − 1) · HOP + SIZE` samples, unweighted.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn run(
        &self,
        gpu: &Gpu,
        pulses: &[f32],
        parts: &wgpu::Buffer,
        first: usize,
        frame: usize,
        seed: u32,
    ) -> Result<Vec<f32>> {
        let count = pulses.len() / SIZE;
        let mut rows = vec![0.0; count * STRIDE];
        for (row, piece) in rows.chunks_exact_mut(STRIDE).zip(pulses.chunks_exact(SIZE)) {
            row[..SIZE].copy_from_slice(piece);
        }
        write_f32(gpu, &self.pulses, 0, &rows);
        gpu.guarded("the synthesis", || {
            let mut plan = PlanBuilder::new(gpu);
            let dense = |buffer| Rows::dense(buffer, STRIDE);
            matmul(&mut plan, &self.forward, dense(&self.pulses), dense(&self.source), count, Epilogue::Store, None);
            let shape = SpectrumShape { bins: BINS, count, stride: STRIDE, first, frame, seed };
            spectrum(&mut plan, parts, &self.source, &self.spectrum, shape);
            let windows = Rows::dense(&self.windows, SIZE);
            matmul(&mut plan, &self.inverse, dense(&self.spectrum), windows, count, Epilogue::Store, None);
            overlap_add(&mut plan, &self.windows, &self.sum, SIZE, HOP, count);
            plan.finish().submit(gpu);
        })
        .await?;
        gpu.read(&self.sum, 0, (count - 1) * HOP + SIZE).await
    }
}
