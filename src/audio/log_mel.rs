//! Whisper's log-mel spectrogram (Radford et al. 2022): 80 Slaney bands of a 25 ms window every 10 ms.

use super::RATE;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Mel bands.
pub const MELS: usize = 80;
/// Samples from a frame to the next.
pub const HOP: usize = 160;
/// Samples of a window.
pub const WINDOW: usize = 400;
const BINS: usize = WINDOW / 2 + 1;

/// Window, filters and FFT plan, made once.
pub struct LogMel {
    window: Vec<f32>,
    /// For each band: first bin, and the weights from there on.
    filters: Vec<(usize, Vec<f32>)>,
    fft: Arc<dyn RealToComplex<f32>>,
}

impl Default for LogMel {
    fn default() -> Self {
        Self::new()
    }
}

impl LogMel {
    /// Prepares window, filters and FFT.
    #[must_use]
    pub fn new() -> Self {
        let phase = |i: usize| 2.0 * std::f64::consts::PI * i as f64 / WINDOW as f64;
        Self {
            window: (0..WINDOW).map(|i| (0.5 - 0.5 * phase(i).cos()) as f32).collect(),
            filters: filters(),
            fft: RealFftPlanner::new().plan_fft_forward(WINDOW),
        }
    }

    /// The spectrogram of `samples` (16 kHz, -1 to 1; a multiple of [`HOP`], at least a window long), `[frames, 80]` with
    /// `frames = samples / 160`: windows are centred, with reflection at both ends.
    #[must_use]
    pub fn compute(&self, samples: &[f32]) -> Vec<f32> {
        let frames = samples.len() / HOP;
        let mut frame = vec![0.0; WINDOW];
        let mut spectrum = self.fft.make_output_vec();
        let mut power = [0.0f32; BINS];
        let mut out = Vec::with_capacity(frames * MELS);
        for t in 0..frames {
            for (i, (slot, weight)) in frame.iter_mut().zip(&self.window).enumerate() {
                *slot = weight * samples[reflect(t * HOP + i, samples.len())];
            }
            // The lengths fit by construction, which is all that can go wrong.
            if self.fft.process(&mut frame, &mut spectrum).is_err() {
                spectrum.fill(realfft::num_complex::Complex::default());
            }
            power.iter_mut().zip(&spectrum).for_each(|(p, s)| *p = s.norm_sqr());
            for (first, weights) in &self.filters {
                let energy: f32 = weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum();
                out.push(energy.max(1e-10).log10());
            }
        }
        let floor = out.iter().copied().fold(f32::MIN, f32::max) - 8.0;
        out.iter_mut().for_each(|v| *v = (v.max(floor) + 4.0) / 4.0);
        out
    }
}

/// The sample under index `i` of a signal of `n` samples that was extended by reflection of half a window.
fn reflect(i: usize, n: usize) -> usize {
    let half = WINDOW / 2;
    if i < half {
        half - i
    } else if i - half < n {
        i - half
    } else {
        2 * (n - 1) - (i - half)
    }
}

/// Slaney's triangular filters, area-normalized.
fn filters() -> Vec<(usize, Vec<f32>)> {
    let knee = 1000.0 / (200.0 / 3.0);
    let step = 6.4f64.ln() / 27.0;
    let to_hertz = |mel: f64| if mel < knee { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - knee) * step).exp() };
    let top = knee + (RATE as f64 / 2.0 / 1000.0).ln() / step;
    let edges: Vec<f64> = (0..MELS + 2).map(|i| to_hertz(top * i as f64 / (MELS + 1) as f64)).collect();
    let hertz = |bin: usize| bin as f64 * RATE as f64 / WINDOW as f64;
    edges
        .windows(3)
        .map(|e| {
            let weight = |bin: usize| {
                let rise = (hertz(bin) - e[0]) / (e[1] - e[0]);
                let fall = (e[2] - hertz(bin)) / (e[2] - e[1]);
                (rise.min(fall).max(0.0) * 2.0 / (e[2] - e[0])) as f32
            };
            let inside: Vec<usize> = (0..BINS).filter(|bin| weight(*bin) > 0.0).collect();
            let first = inside.first().copied().unwrap_or(0);
            (first, inside.iter().map(|bin| weight(*bin)).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_lights_its_own_band() {
        let mel = LogMel::new();
        for hertz in [300.0f32, 1000.0, 4000.0] {
            let samples: Vec<f32> = (0..RATE / 4)
                .map(|i| (2.0 * std::f32::consts::PI * hertz * i as f32 / RATE as f32).sin() * 0.5)
                .collect();
            let frames = mel.compute(&samples);
            assert_eq!(frames.len(), samples.len() / HOP * MELS);
            let middle = &frames[12 * MELS..13 * MELS];
            let loudest = (0..MELS).max_by(|a, b| middle[*a].total_cmp(&middle[*b])).expect("bands");
            let (first, weights) = &mel.filters[loudest];
            let (low, high) = (*first as f32 * 40.0 - 40.0, (first + weights.len()) as f32 * 40.0);
            assert!((low..=high).contains(&hertz), "{hertz} Hz lit band {loudest}: {low} to {high} Hz");
        }
    }

    #[test]
    fn silence_is_flat() {
        let frames = LogMel::new().compute(&[0.0; 1600]);
        assert!(frames.iter().all(|v| (v - (-10.0 + 4.0) / 4.0).abs() < 1e-6), "{:?}", &frames[..4]);
    }
}
