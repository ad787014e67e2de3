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

#[test]
fn speech_is_found_between_pauses() {
    let said = clip().len();
    for room in [0.0, 1e-4, 2e-3] {
        let found = speech_segments(&recording(2, room));
        println!("room {room}: {:?}", found.iter().map(|s| (s.start as f64 / 16e3, s.end as f64 / 16e3)).collect::<Vec<_>>());
        let near = |sample: usize, second: f64| (sample as f64 / RATE as f64 - second).abs() < 0.6;
        let length = said as f64 / RATE as f64;
        let (first, last) = (found.first().expect("speech"), found.last().expect("speech"));
        assert!(near(first.start, 2.0) && near(last.end, 4.0 + 2.0 * length), "{found:?}");
        let pause = 2 * RATE + said + RATE;
        assert!(found.iter().all(|s| s.end < pause || s.start > pause), "the pause is left out: {found:?}");
        let heard: usize = found.iter().map(|s| s.end - s.start).sum();
        assert!(heard > said * 3 / 2, "most of the speech is kept: {heard} of {} samples", 2 * said);
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
