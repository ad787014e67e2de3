//! Parts of a spectrum to samples: harmonics of the pitch, noise, a free part, one inverse STFT. After hibari-tts (Apache-2.0), but the noise comes
//! from a hash of (seed, frame, bin): every machine makes the same. The offline twin is `train/voice/synthesis.py`.

use super::RATE;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f32::consts::PI;
use std::sync::Arc;

/// Samples of a window.
pub const SIZE: usize = 1200;
/// Samples from a frame to the next.
pub const HOP: usize = 300;
/// Frequencies of a spectrum.
pub const BINS: usize = SIZE / 2 + 1;
/// Parts of a frame: magnitude and phase of the harmonics, of the noise its magnitude, of the rest magnitude and phase.
pub const PARTS: usize = 5;
/// Hz below which there is no pitch.
const UNVOICED: f32 = 40.0;
/// Hz that no harmonic exceeds.
const HIGHEST: f32 = 11_000.0;
/// The largest log-magnitude.
const LOUDEST: f32 = 7.0;
/// Frames that a frame's window reaches to each side.
const REACH: usize = SIZE / HOP / 2;

/// Sound that grows frame by frame.
pub struct Synthesis {
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    seed: u32,
    /// The harmonics' sum so far, from sample 0.
    pulses: Vec<f32>,
    /// Sum of Hz a sample.
    phase: f64,
    /// Overlapping windows, from sample −600.
    sum: Vec<f32>,
    made: usize,
    given: usize,
}

impl Synthesis {
    /// Nothing said yet.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        let mut planner = RealFftPlanner::new();
        Self {
            window: window(),
            forward: planner.plan_fft_forward(SIZE),
            inverse: planner.plan_fft_inverse(SIZE),
            seed,
            pulses: Vec::new(),
            phase: 0.0,
            sum: Vec::new(),
            made: 0,
            given: 0,
        }
    }

    /// Which noise.
    #[must_use]
    pub fn seed(&self) -> u32 {
        self.seed
    }

    /// Frames added so far.
    #[must_use]
    pub fn made(&self) -> usize {
        self.made
    }

    /// Frames of pitch that [`Synthesis::add`] wants beyond those it adds, unless the sound ends with them.
    pub const AHEAD: usize = REACH + 1;

    /// Adds the next frames on the host: `parts` `[n, 5, 601]`, and `f0` as [`Synthesis::pulses`] wants it. Returns the samples that became certain.
    pub fn add(&mut self, parts: &[f32], f0: &[f32], last: bool) -> Vec<f32> {
        let count = parts.len() / (PARTS * BINS);
        let mut pulses = self.pulses(f0, count, last);
        let mut sum = vec![0.0; count.saturating_sub(1) * HOP + SIZE];
        for (t, (parts, pulses)) in parts.chunks_exact(PARTS * BINS).zip(pulses.chunks_exact_mut(SIZE)).enumerate() {
            self.frame(parts, pulses, self.made + t);
            for (to, value) in sum[t * HOP..].iter_mut().zip(pulses) {
                *to += *value;
            }
        }
        self.overlap(&sum, count, last)
    }

    /// The windowed pulses `[count, 1200]` of the next frames. `f0` (Hz; 0: none) is that of these frames, of the one before them (if any), and of
    /// [`Synthesis::AHEAD`] after them, fewer only where the sound ends: `f0[0]` belongs to frame `made() − 1`, or to frame 0 at the beginning. With `last`
    /// these are the last frames.
    pub fn pulses(&mut self, f0: &[f32], count: usize, last: bool) -> Vec<f32> {
        let total = self.made + count;
        let first = self.made.saturating_sub(1);
        let wanted = if last { total } else { total + REACH };
        while self.pulses.len() < wanted * HOP {
            let frame = self.pulses.len() / HOP;
            let at = |frame: usize| f0.get(frame.saturating_sub(first)).or(f0.last()).copied().unwrap_or(0.0);
            self.pulse(at(frame.saturating_sub(1)), at(frame), at(frame + 1));
        }
        let end = last.then_some(total * HOP);
        let window = |frame: usize| {
            (0..SIZE).map(move |i| {
                // The pulses are mirrored at both ends.
                let at = (frame * HOP + i).abs_diff(SIZE / 2);
                let at = match end {
                    Some(end) if at >= end => (2 * (end - 1)).saturating_sub(at),
                    _ => at,
                };
                (i, at)
            })
        };
        let windowed =
            |(i, at): (usize, usize)| self.pulses.get(at).copied().unwrap_or(0.0) * self.window[i] / (SIZE / 4) as f32;
        (self.made..total).flat_map(window).map(windowed).collect()
    }

    /// Adds the sum of the next `count` windows, `[(count − 1) · 300 + 1200]`. Returns the samples that became certain.
    pub fn overlap(&mut self, sum: &[f32], count: usize, last: bool) -> Vec<f32> {
        let total = self.made + count;
        self.sum.resize(total * HOP + SIZE, 0.0);
        for (to, value) in self.sum[self.made * HOP..].iter_mut().zip(sum) {
            *to += value;
        }
        self.made = total;
        let certain = if last { total * HOP } else { (total * HOP).saturating_sub(SIZE / 2) };
        let samples = (self.given..certain).map(|s| self.sum[s + SIZE / 2] / self.weight(s, total, last)).collect();
        self.given = certain.max(self.given);
        samples
    }

    /// A frame of pulses: every harmonic at unit amplitude, sin((H + 1/2) t) / (2 sin(t / 2)) − 1/2, the pitch linear between the frames' middles.
    fn pulse(&mut self, before: f32, here: f32, after: f32) {
        for i in 0..HOP {
            let at = (i as f32 + 0.5) / HOP as f32 - 0.5;
            let f = if at < 0.0 { before * -at + here * (at + 1.0) } else { here * (1.0 - at) + after * at };
            let voiced = f > UNVOICED;
            let f = f.max(UNVOICED);
            self.phase += f64::from(f);
            let turns = (self.phase / RATE as f64).fract();
            let t = (turns * 2.0 * std::f64::consts::PI) as f32;
            let harmonics = (HIGHEST / f).floor() + 0.5;
            let below = 2.0 * (t * 0.5).sin();
            let train = if below.abs() <= 2e-3 { harmonics } else { (harmonics * t).sin() / below };
            self.pulses.push(if voiced { train - 0.5 } else { 0.0 });
        }
    }

    /// The window of one frame, in place of its pulses.
    fn frame(&self, parts: &[f32], piece: &mut [f32], frame: usize) {
        let mut spectrum = vec![Complex32::default(); BINS];
        // Lengths are fixed above, so neither transform can refuse them.
        let _ = self.forward.process(piece, &mut spectrum);
        let loud = |x: f32| x.min(LOUDEST).exp();
        for (bin, s) in spectrum.iter_mut().enumerate() {
            let part = |number: usize| parts[number * BINS + bin];
            let turned = Complex32::from_polar(loud(part(0)), PI * part(1).tanh());
            let noise = noise(self.seed, frame as u32, bin as u32);
            *s = turned * *s + noise * loud(part(2)) + Complex32::from_polar(loud(part(3)), part(4));
        }
        // A real signal's first and last bin are real.
        spectrum[0].im = 0.0;
        spectrum[BINS - 1].im = 0.0;
        let _ = self.inverse.process(&mut spectrum, piece);
        for (value, window) in piece.iter_mut().zip(&self.window) {
            *value *= window / SIZE as f32;
        }
    }

    /// Sum of the squared windows over a sample, of the frames there are.
    fn weight(&self, sample: usize, frames: usize, last: bool) -> f32 {
        let newest = (sample + SIZE / 2) / HOP;
        let oldest = newest.saturating_sub(SIZE / HOP - 1);
        let newest = if last { newest.min(frames - 1) } else { newest };
        let square = |frame: usize| {
            let w = self.window.get(sample + SIZE / 2 - frame * HOP).copied().unwrap_or(0.0);
            w * w
        };
        (oldest..=newest).map(square).sum::<f32>().max(1e-11)
    }
}

/// Periodic Hann.
#[must_use]
pub fn window() -> Vec<f32> {
    let angle = |i: usize| 2.0 * std::f64::consts::PI * i as f64 / SIZE as f64;
    (0..SIZE).map(|i| (0.5 - 0.5 * angle(i).cos()) as f32).collect()
}

/// PCG's output hash (Jarzynski & Olano 2020).
fn hashed(x: u32) -> u32 {
    let x = x.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((x >> ((x >> 28) + 4)) ^ x).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

/// Complex normal noise, unit variance in each part (Box & Muller 1958).
#[must_use]
pub fn noise(seed: u32, frame: u32, bin: u32) -> Complex32 {
    let a = hashed(hashed(frame.wrapping_add(hashed(seed))).wrapping_add(bin));
    let b = hashed(a ^ 0x9E37_79B9);
    let u = ((a >> 8) as f32 + 0.5) / 16_777_216.0;
    let v = (b >> 8) as f32 / 16_777_216.0;
    Complex32::from_polar((-2.0 * u.ln()).sqrt(), 2.0 * PI * v)
}
