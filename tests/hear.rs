//! Hearing against the recorded tensors of `models/zipper-en/reference/listen.safetensors`, boundary by boundary.

mod common;

use common::{assert_close, clip, ears, joint, open, relative_error, tensors};
use zipper::audio::vad::speech_segments;
use zipper::gpu::KernelSet;
use zipper::tasks::transcribe::{HearOptions, HearTimings};

fn check(kernels: KernelSet) {
    let gpu = open(kernels);
    let (mut writer, mut zipped) = joint(&gpu);
    let mut ears = ears(&gpu, &writer, &zipped);
    let reference = tensors("reference/listen.safetensors");
    let recorded = |name: &str| -> Vec<f32> { reference.get(name).expect("recorded").floats().expect("floats") };
    let samples = clip();

    let tokens = samples.len().div_ceil(640);
    let mut padded = samples.clone();
    padded.resize(tokens * 640 + 8000, 0.0);
    let mel = ears.parts().2.compute(&padded);
    let frames = mel.len() / 80;
    let turned: Vec<f32> =
        (0..80).flat_map(|band| (0..frames).map(move |t| (t, band))).map(|(t, b)| mel[t * 80 + b]).collect();
    assert_close("log-mel", &turned, &recorded("log_mel"), 1e-4);

    let heard = pollster::block_on(async {
        let codes = ears.listen(&zipped.config.audio, &samples, &mut HearTimings::default()).await.expect("encodes");
        let plain = HearOptions::default();
        let heard = ears
            .transcribe(&mut zipped, &mut writer, &samples, &plain, &|| false, &mut |_| Ok(()))
            .await
            .expect("transcribes");
        assert_eq!(codes, heard.codes, "the same clip gives the same tokens");
        assert!(heard.attention.is_none(), "nobody asked");
        heard
    });
    let (_, speller, _) = ears.parts();
    let (work, memories) = zipped.parts();
    let read = |buffer: &wgpu::Buffer, n: usize| pollster::block_on(gpu.read::<f32>(buffer, 0, n)).expect("readback");
    let error = |name: &str, got: &[f32], tolerance: f32| {
        let error = relative_error(got, &recorded(name));
        println!("{kernels:?} {name}: {error:.2e}");
        assert!(error <= tolerance, "{kernels:?} {name} is off by {error:.2e} of its largest value");
    };
    error("features", &read(&speller.features, tokens * 384), 2e-3);
    // Recorded as log-probabilities.
    let letters = zipper::decode::ctc::Letters::from_logits(&read(&speller.letters, tokens * 58));
    let logs: Vec<f32> = (0..letters.len()).flat_map(|t| *letters.frame(t)).map(|p| p.max(1e-9).ln() as f32).collect();
    let recorded_logs: Vec<f32> = recorded("spelling").iter().map(|l| l.max(1e-9f32.ln())).collect();
    assert_close("letters", &logs, &recorded_logs, 5e-3);
    let codes: Vec<u32> =
        reference.get("codes").expect("recorded").integers().expect("i32").iter().map(|c| *c as u32).collect();
    assert_eq!(heard.codes, codes, "{kernels:?}: speech tokens");
    error("speech_state.6", &read(&work.x, (tokens + 1) * 320), 2e-3);
    let memory = &memories.links[0];
    for (name, buffer) in [("link0.k", &memory.keys), ("link0.v", &memory.values)] {
        let all = read(buffer, 6 * memory.capacity * 64);
        let held: Vec<f32> = all.chunks(memory.capacity * 64).flat_map(|h| h[..(tokens + 1) * 64].to_vec()).collect();
        error(name, &held, 2e-3);
    }
    let text: Vec<u32> =
        reference.get("text_ids").expect("recorded").integers().expect("i32").iter().map(|c| *c as u32).collect();
    // The recorded ids begin with the mark that the decoder is started with.
    let shared = text[1..].iter().zip(&heard.token_ids).take_while(|(a, b)| a == b).count();
    println!("{kernels:?} heard {:?}, {shared} of {} tokens as recorded", heard.text, text.len() - 1);
    assert_eq!(heard.token_ids, text[1..], "{kernels:?}: the transcript");

    let words: Vec<&str> = heard.words.iter().map(|w| w.word.as_str()).collect();
    assert_eq!(words.join(" "), heard.text, "every word has its time");
    println!("{kernels:?} {:?}", heard.words);
    // The detector's opinion of when somebody speaks in the clip, with its margins.
    let said = speech_segments(&samples)[0];
    for (word, next) in heard.words.iter().zip(heard.words.iter().skip(1)) {
        assert!(word.start <= word.end && word.end <= next.start, "{:?}", heard.words);
    }
    let inside = |seconds: f64| (said.start..=said.end).contains(&((seconds * 16e3) as usize));
    assert!(heard.words.iter().all(|w| inside(w.start) && inside(w.end)), "{:?} in {said:?}", heard.words);
}

#[test]
fn what_is_looked_at_can_be_seen() {
    let gpu = open(KernelSet::Plain);
    let (mut writer, mut zipped) = joint(&gpu);
    let mut ears = ears(&gpu, &writer, &zipped);
    let mut partial = 0;
    let heard = pollster::block_on(ears.transcribe(
        &mut zipped,
        &mut writer,
        &clip(),
        &HearOptions { attention: true },
        &|| false,
        &mut |p| {
            partial += usize::from(p.attention.is_some_and(|a| a.weights.len() == a.rows.len() * a.columns));
            Ok(())
        },
    ))
    .expect("transcribes");
    assert!(partial >= heard.token_ids.len(), "the picture grows with the text: {partial}");
    let seen = heard.attention.expect("asked for");
    assert_eq!((seen.rows.len(), seen.columns), (heard.token_ids.len(), heard.codes.len()));
    assert_eq!(seen.rows.concat().trim(), heard.text);
    for (row, name) in seen.weights.chunks(seen.columns).zip(&seen.rows) {
        assert_eq!(row.iter().max(), Some(&255), "{name:?} looks somewhere");
    }
}

#[test]
fn plain() {
    check(KernelSet::Plain);
}

#[test]
fn tiled() {
    check(KernelSet::Tiled);
}
