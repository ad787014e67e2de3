//! Where somebody speaks: a recording cut at its pauses, so that silence costs nothing and any length works.
//!
//! Whether a frame is speech is told by `earshot`, a small network over mel bands, on the processor (some thousand times faster
//! than the sound). Here its scores become segments.

use super::RATE;
use earshot::Detector;
use serde::Serialize;

/// Samples a frame: 16 ms, as the detector takes them.
const FRAME: usize = 256;
/// Speech begins where the score is at least this …
const BEGINS: f32 = 0.5;
/// … and goes on as long as it stays above this: the ends of words are soft.
const GOES_ON: f32 = 0.35;
/// Pauses up to this many frames belong to the speech around them: 0.6 s.
const SHORT_PAUSE: usize = 38;
/// Frames kept on both sides: 0.24 s.
const MARGIN: usize = 15;
/// Longest segment in frames: 24 s. The model takes 29.
const LONGEST: usize = 1500;
/// Less speech than this is a click: 0.1 s.
const SHORTEST: usize = 6;
/// The detector hears every recording at this peak: it knows speech from a tenth of full scale upwards, and takes loud noise for speech.
const PEAK: f32 = 0.2;
/// The most that a recording is raised: what is quieter is no speech.
const MOST_GAIN: f32 = 30.0;
/// Frames that the detector hears before the first: out of nothing, it takes any sound's beginning for speech.
const WARM_UP: usize = 30;
/// Frames over which a cut's surroundings are judged: a single quiet frame may lie inside a word.
const AROUND: usize = 7;

/// A stretch of speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// First sample.
    pub start: usize,
    /// Sample after the last.
    pub end: usize,
}

/// The stretches of speech in `samples` (16 kHz, -1 to 1), in order, none longer than 24 s.
#[must_use]
pub fn speech_segments(samples: &[f32]) -> Vec<Segment> {
    let scores = scores(samples);
    let segment = |&(from, to): &(usize, usize)| Segment { start: from * FRAME, end: (to * FRAME).min(samples.len()) };
    runs(&scores).iter().map(segment).collect()
}

/// How much each frame sounds like a voice, 0 to 1. The last frame is filled up with silence.
fn scores(samples: &[f32]) -> Vec<f32> {
    // Decoders overshoot full scale, and a broken file may hold anything.
    let sane = |sample: f32| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
    let peak = samples.iter().fold(0.0, |most: f32, sample| most.max(sane(*sample).abs()));
    let gain = (PEAK / peak.max(f32::MIN_POSITIVE)).min(MOST_GAIN);
    let mut detector = Detector::default_boxed();
    let mut frame = [0.0; FRAME];
    let mut score = |chunk: &[f32]| {
        frame.fill(0.0);
        for (to, from) in frame.iter_mut().zip(chunk) {
            *to = sane(*from) * gain;
        }
        detector.predict_f32(&frame)
    };
    let beginning: Vec<f32> = samples.iter().take(WARM_UP * FRAME).rev().copied().collect();
    beginning.chunks_exact(FRAME).for_each(|chunk| {
        score(chunk);
    });
    samples.chunks(FRAME).map(score).collect()
}

/// Frames (first, after the last) of every segment.
fn runs(scores: &[f32]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut speaking = false;
    for (at, score) in scores.iter().enumerate() {
        speaking = *score >= if speaking { GOES_ON } else { BEGINS };
        match runs.last_mut() {
            _ if !speaking => {}
            Some(last) if at - last.1 <= SHORT_PAUSE => last.1 = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    let spoken = |run: &(usize, usize)| scores[run.0..run.1].iter().filter(|s| **s >= BEGINS).count() >= SHORTEST;
    let widen = |(from, to): (usize, usize)| (from.saturating_sub(MARGIN), (to + MARGIN).min(scores.len()));
    runs.into_iter().filter(spoken).map(widen).flat_map(|run| split(run, scores)).collect()
}

/// Cuts what is too long where it sounds least like a voice in the last third of what fits.
fn split((mut from, to): (usize, usize), scores: &[f32]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    while to - from > LONGEST {
        let voiced = |at: usize| scores[at - AROUND / 2..=at + AROUND / 2].iter().sum::<f32>();
        let candidates = from + LONGEST * 2 / 3..from + LONGEST - AROUND / 2;
        let cut = candidates.min_by(|a, b| voiced(*a).total_cmp(&voiced(*b))).unwrap_or(from + LONGEST);
        out.push((from, cut));
        from = cut;
    }
    out.push((from, to));
    out
}

/// The longest segment in samples.
pub const LONGEST_SAMPLES: usize = LONGEST * FRAME;

const _: () = assert!(LONGEST_SAMPLES == 24 * RATE, "what the documentation says");

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(parts: &[(usize, f32)]) -> Vec<f32> {
        parts.iter().flat_map(|(frames, score)| std::iter::repeat_n(*score, *frames)).collect()
    }

    #[test]
    fn short_pauses_join_and_long_ones_cut() {
        let scores = scored(&[(50, 0.0), (60, 0.9), (30, 0.1), (60, 0.9), (80, 0.0), (40, 0.8), (50, 0.0)]);
        assert_eq!(runs(&scores), [(35, 215), (265, 335)]);
    }

    #[test]
    fn soft_ends_go_on_but_do_not_begin() {
        let scores = scored(&[(50, 0.4), (20, 0.9), (20, 0.4), (100, 0.1), (50, 0.4)]);
        assert_eq!(runs(&scores), [(35, 105)]);
    }

    #[test]
    fn clicks_are_no_speech() {
        assert_eq!(runs(&scored(&[(50, 0.0), (3, 1.0), (50, 0.0)])), []);
        assert_eq!(runs(&[]), []);
    }

    #[test]
    fn what_is_too_long_is_cut_at_its_weakest_moment() {
        let scores = scored(&[(1200, 0.9), (9, 0.5), (1200, 0.9), (400, 0.9)]);
        let found = runs(&scores);
        assert_eq!((found[0].0, found.last().map(|r| r.1)), (0, Some(2809)));
        assert!((1200..1209).contains(&found[0].1), "{found:?}");
        for (run, next) in found.iter().zip(&found[1..]) {
            assert_eq!(run.1, next.0, "nothing is lost");
        }
        assert!(found.iter().all(|(from, to)| to - from <= LONGEST && from < to));
    }

    #[test]
    fn anything_finite_or_not_is_taken() {
        let wild: Vec<f32> = (0..5000).map(|i| [f32::NAN, f32::INFINITY, -7.0, 0.3][i % 4]).collect();
        assert!(speech_segments(&wild).iter().all(|s| s.start < s.end && s.end <= wild.len()));
        assert_eq!(speech_segments(&[]), []);
    }
}
