//! Where somebody speaks, on the committed clip and on what is no speech.

mod common;

use common::{clip, noise};
use zipper::audio::RATE;
use zipper::audio::vad::{LONGEST_SAMPLES, speech_segments};

/// The clip between seconds of a quiet room.
fn recording(clips: usize, room: f32) -> Vec<f32> {
    let quiet = |seconds: usize, seed: u32| noise(seconds * RATE, seed).into_iter().map(move |v| v * room);
    let mut out: Vec<f32> = quiet(2, 1).collect();
    for i in 0..clips {
        out.extend(clip());
        out.extend(quiet(2, 2 + i as u32));
    }
    out
}

/// When the clip's one word is said, in seconds.
const SAID: (f64, f64) = (0.70, 1.52);

#[test]
fn speech_is_found_between_pauses() {
    let length = clip().len() as f64 / RATE as f64;
    for (room, gain) in [(0.0, 1.0), (1e-4, 1.0), (2e-3, 1.0), (1e-2, 1.0), (1e-4, 0.02)] {
        let sound: Vec<f32> = recording(2, room).iter().map(|v| v * gain).collect();
        let seconds = |sample: usize| sample as f64 / RATE as f64;
        let found: Vec<(f64, f64)> =
            speech_segments(&sound).iter().map(|s| (seconds(s.start), seconds(s.end))).collect();
        assert_eq!(found.len(), 2, "room {room}, gain {gain}: {found:?}");
        for ((start, end), clip) in found.iter().zip([2.0, 4.0 + length]) {
            let (first, last) = (clip + SAID.0, clip + SAID.1);
            assert!(*start <= first && *start > first - 0.6, "room {room}, gain {gain}: {found:?}");
            assert!(*end >= last && *end < last + 0.6, "room {room}, gain {gain}: {found:?}");
        }
    }
}

#[test]
fn noise_hum_and_silence_are_no_speech() {
    let seconds = 8 * RATE;
    let hum = |i: usize| {
        let phase = std::f32::consts::TAU * 50.0 * i as f32 / RATE as f32;
        0.2 * (phase.sin() + 0.5 * (3.0 * phase).sin())
    };
    let sounds = [
        ("silence", vec![0.0; seconds]),
        ("hiss", noise(seconds, 3).iter().map(|v| v * 0.2).collect()),
        ("loud hiss", noise(seconds, 4)),
        ("quiet hiss", noise(seconds, 5).iter().map(|v| v * 1e-3).collect()),
        ("hum", (0..seconds).map(hum).collect::<Vec<f32>>()),
        ("clicks", (0..seconds).map(|i| if i % 8000 < 3 { 0.9 } else { 0.0 }).collect()),
    ];
    for (name, sound) in sounds {
        assert_eq!(speech_segments(&sound), [], "{name}");
    }
}

#[test]
fn speech_without_a_pause_is_cut_before_it_is_too_long() {
    let sound: Vec<f32> = std::iter::repeat_n(clip(), 12).flatten().collect();
    let found = speech_segments(&sound);
    assert!(found.len() > sound.len() / LONGEST_SAMPLES);
    for (segment, next) in found.iter().zip(&found[1..]) {
        assert!(segment.end <= next.start + RATE / 2, "in order: {found:?}");
    }
    assert!(found.iter().all(|s| s.end - s.start <= LONGEST_SAMPLES), "{found:?}");
}
