//! Word error rate over a few committed clips of development sets, whole: the detector is left out, everything behind it takes part.
//!
//! The bound is what PyTorch hears with the same weights (`tests/clips/expected.json`, by `python -m zipper_train.clip_reference`), plus a point.

mod common;

use common::{ears, joint, open, wav};
use serde::Deserialize;
use zipper::gpu::KernelSet;
use zipper::tasks::transcribe::HearOptions;

#[derive(Deserialize)]
struct Expected {
    wer: f64,
    clips: Vec<Clip>,
}

#[derive(Deserialize)]
struct Clip {
    file: String,
    said: String,
    heard: String,
}

fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clips").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Lower case, hyphens to spaces; only letters, digits and apostrophes count (`zipper_train.text.normalize`).
fn words(text: &str) -> Vec<String> {
    let plain = text.to_lowercase().replace('’', "'").replace(['-', '–', '—', '/'], " ");
    let kept =
        plain.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '\'' || c.is_whitespace());
    kept.collect::<String>().split_whitespace().map(str::to_owned).collect()
}

/// Insertions, deletions and substitutions between two texts.
fn word_errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, other) in heard.iter().enumerate() {
            let kept = row[j] + usize::from(word != other);
            next.push(kept.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[heard.len()]
}

#[test]
fn as_few_words_are_wrong_as_in_pytorch() {
    let expected: Expected = serde_json::from_slice(&file("expected.json")).expect("the report of clip_reference");
    let gpu = open(KernelSet::Tiled);
    let (mut writer, mut zipped) = joint(&gpu);
    let mut ears = ears(&gpu, &writer, &zipped);
    let (mut errors, mut count, mut same) = (0, 0, 0);
    for clip in &expected.clips {
        let samples = wav(&file(&clip.file));
        let heard = pollster::block_on(ears.transcribe(
            &mut zipped,
            &mut writer,
            &samples,
            &HearOptions::default(),
            &|| false,
            &mut |_| Ok(()),
        ));
        let heard = heard.expect("transcribes").text;
        let said = words(&clip.said);
        errors += word_errors(&said, &words(&heard));
        count += said.len();
        same += usize::from(heard == clip.heard);
        println!("{}\n  said    {:?}\n  heard   {heard:?}\n  PyTorch {:?}", clip.file, clip.said, clip.heard);
    }
    let rate = errors as f64 / count as f64;
    println!(
        "{errors} errors in {count} words, {:.1} %; PyTorch {:.1} %; {same} transcripts alike",
        100.0 * rate,
        100.0 * expected.wer
    );
    assert!(count > 40, "too few words to say anything");
    assert!(rate <= expected.wer + 0.01, "WER {rate:.4}, PyTorch {:.4}", expected.wer);
}

#[test]
fn word_errors_are_counted() {
    let errors = |said: &str, heard: &str| word_errors(&words(said), &words(heard));
    assert_eq!(errors("The cat sat.", "the cat sat"), 0);
    assert_eq!(errors("well-known", "well known"), 0);
    assert_eq!(errors("a b c", "a x c d"), 2);
    assert_eq!(errors("don’t", "DON'T"), 0);
    assert_eq!((errors("a b", ""), errors("", "a b c")), (2, 3));
}
