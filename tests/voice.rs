//! The voice against the recorded tensors of `models/zipper-en/reference/voice.safetensors`, boundary by boundary, and piece by piece against at once.

mod common;

use common::{SETS, model, open, relative_error, tensors};
use zipper::gpu::Gpu;
use zipper::vocoder::acoustic::{CHANNELS, STRIDE};
use zipper::vocoder::istft::Istft;
use zipper::vocoder::synthesis::noise;
use zipper::vocoder::{SAMPLES_PER_TOKEN, Speech, Voice, frames};

/// The seed of the recorded sound.
const SEED: u32 = 7;
/// The frames whose parts are recorded.
const FRAMES: std::ops::Range<usize> = 40..44;

fn voice(gpu: &Gpu) -> Voice {
    let config = String::from_utf8(model("voice.json")).expect("UTF-8");
    Voice::new(gpu, &config, &tensors("voice.safetensors")).expect("the voice fits its config")
}

fn recorded(name: &str) -> Vec<f32> {
    tensors("reference/voice.safetensors").get(name).expect("recorded").floats().expect("floats")
}

fn codes() -> Vec<u32> {
    let reference = tensors("reference/voice.safetensors");
    reference.get("codes").expect("recorded").integers().expect("i32").iter().map(|c| *c as u32).collect()
}

/// Decibels of `want` over the difference.
fn snr(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
    let signal = power(&mut want.iter().copied());
    assert!(signal > 0.0, "the recorded sound is not silent");
    (10.0 * (signal / power(&mut got.iter().zip(want).map(|(g, w)| g - w))).log10()) as f32
}

#[test]
fn every_boundary_equals_the_recorded_one() {
    for set in SETS {
        let gpu = open(set);
        let (mut voice, codes) = (voice(&gpu), codes());
        pollster::block_on(async {
            let acoustic = voice.acoustic(&gpu, &codes, 0).await.expect("runs");
            let dense: Vec<f32> = acoustic.chunks_exact(STRIDE).flat_map(|row| row[..CHANNELS].to_vec()).collect();
            let error = relative_error(&dense, &recorded("acoustic"));
            assert!(error < 1e-4, "{set:?} acoustic decoder: {error:.1e}");
            let parts = voice.parts(&gpu, &acoustic, 0, FRAMES.start, FRAMES.end).await.expect("runs");
            let error = relative_error(&parts, &recorded("parts"));
            assert!(error < 1e-3, "{set:?} decoder: {error:.1e}");
            for istft in [None, Some(Istft::new(&gpu))] {
                let place = if istft.is_some() { "device" } else { "host" };
                voice.istft = istft;
                let samples = voice.vocode(&gpu, &codes, 0, SEED).await.expect("runs");
                assert_eq!(samples.len(), codes.len() * SAMPLES_PER_TOKEN);
                let quality = snr(&samples, &recorded("audio")[..samples.len()]);
                println!("{set:?} sound, synthesis on the {place}: {quality:.1} dB");
                assert!(quality >= 40.0, "{set:?} sound, synthesis on the {place}: {quality:.1} dB");
            }
        });
    }
}

#[test]
fn the_noise_is_the_recorded_one() {
    let bins = 601;
    let made: Vec<f32> = FRAMES
        .flat_map(|frame| (0..bins).map(move |bin| noise(SEED, frame as u32, bin)))
        .flat_map(|z| [z.re, z.im])
        .collect();
    assert!(relative_error(&made, &recorded("noise")) < 1e-5);
}

#[test]
fn piece_by_piece_equals_at_once() {
    let gpu = open(SETS[0]);
    for istft in [None, Some(Istft::new(&gpu))] {
        let mut voice = voice(&gpu);
        voice.istft = istft;
        pieces_equal_the_whole(&gpu, &voice);
    }
}

fn pieces_equal_the_whole(gpu: &Gpu, voice: &Voice) {
    let codes: Vec<u32> = codes().into_iter().cycle().take(133).collect();
    pollster::block_on(async {
        let whole = voice.vocode(gpu, &codes, 0, 3).await.expect("runs");
        assert_eq!(whole.len(), codes.len() * SAMPLES_PER_TOKEN);
        let mut speech = Speech::new(0, 3);
        let (mut samples, mut pieces) = (Vec::new(), 0);
        for code in &codes {
            speech.codes.push(*code);
            while speech.is_ready() {
                samples.extend(speech.next(gpu, voice, false).await.expect("runs").expect("ready"));
                pieces += 1;
            }
        }
        while let Some(rest) = speech.next(gpu, voice, true).await.expect("runs") {
            samples.extend(rest);
            pieces += 1;
        }
        assert!(pieces > 2, "{pieces} pieces");
        assert_eq!(speech.given(), samples.len());
        let quality = snr(&samples, &whole);
        assert!(quality >= 60.0, "{quality:.1} dB");
    });
}

#[test]
fn frames_and_tokens_meet_every_five_tokens() {
    assert_eq!((frames(0), frames(1), frames(5), frames(30)), (0, 4, 16, 96));
}
