//! The program as a person runs it: the committed clip is written down as PyTorch wrote it, a text becomes a WAV file, and what cannot be done is
//! said.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn zipper(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zipper")).args(arguments).output().expect("runs")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn clip() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zipper-en/reference/clip.wav")
}

/// What the recorded reference says of the clip: an entry of the safetensors header's metadata.
fn recorded_transcript() -> String {
    let bytes = std::fs::read(clip().with_file_name("listen.safetensors")).expect("recorded");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("JSON");
    header["__metadata__"]["transcript"].as_str().expect("a transcript").trim().to_owned()
}

#[test]
fn a_recording_is_written_down_and_a_wrong_file_is_named() {
    let clip = clip();
    let output = zipper(&["transcribe", "--json", "no-such-file.wav", clip.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1), "one of two files is missing");
    let found = lines(&output);
    assert!(found[0]["message"].as_str().expect("a message").contains("cannot be opened"), "{}", found[0]);
    let heard = &found[1];
    // The detector cuts the silence off, which may move a letter; the words are the same.
    let words = |text: &str| -> Vec<String> {
        let plain = text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != '\'', " ");
        plain.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words(heard["text"].as_str().expect("text")), words(&recorded_transcript()));
    assert_eq!(heard["words"].as_array().expect("words").len(), words(heard["text"].as_str().expect("text")).len());
    assert!(heard["rtf"].as_f64().expect("rtf") > 0.0 && heard["timings"]["total_ms"].as_f64().is_some());
}

#[test]
fn a_text_becomes_sound() {
    let file = std::env::temp_dir().join(format!("zipper-native-{}.wav", std::process::id()));
    let path = file.to_str().expect("UTF-8");
    let output = zipper(&["speak", "Hello there.", "-o", path, "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = &lines(&output)[0];
    let sound = hound::WavReader::open(&file).expect("a WAV file");
    let seconds = f64::from(sound.duration()) / f64::from(sound.spec().sample_rate);
    assert_eq!(sound.spec().sample_rate, 24_000);
    assert!((seconds - said["seconds"].as_f64().expect("seconds")).abs() < 1e-3);
    assert!((0.3..4.0).contains(&seconds), "two words take {seconds} s");
    std::fs::remove_file(&file).expect("was written");

    let refused = zipper(&["speak", "...", "-o", path]);
    assert!(!refused.status.success() && !file.exists());
    let unknown = zipper(&["speak", "Hello.", "--voice", "nobody", "-o", path]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nobody"), "{unknown:?}");
}
