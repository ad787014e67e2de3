//! The tokenizer against ids recorded by an independent implementation (`train/zipper_train/tokenizer_reference.py`).

mod common;

use common::{GGUF, fetched};
use serde::Deserialize;
use zipper::tokens::{TextStream, TextTokenizer};
use zipper::weights::gguf::Reader;

#[derive(Deserialize)]
struct Line {
    text: String,
    ids: Vec<u32>,
}

fn tokenizer() -> TextTokenizer {
    let mut reader = Reader::new();
    reader.push(&fetched(GGUF), |_, _, _| Ok(())).expect("well formed");
    TextTokenizer::from_gguf(reader.header().expect("read")).expect("a tokenizer")
}

#[test]
fn ids_equal_the_recorded_ones() {
    let tokenizer = tokenizer();
    let lines: Vec<Line> = serde_json::from_str(include_str!("reference/tokenizer.json")).expect("recorded");
    assert!(lines.len() > 200);
    for Line { text, ids } in &lines {
        assert_eq!(&tokenizer.encode(text).expect("encodes"), ids, "{text:?}");
    }
}

#[test]
fn text_comes_back_and_streams_in_whole_characters() {
    let tokenizer = tokenizer();
    let lines: Vec<Line> = serde_json::from_str(include_str!("reference/tokenizer.json")).expect("recorded");
    for Line { text, ids } in lines.iter().filter(|line| !line.text.contains("<|")) {
        assert_eq!(&tokenizer.decode(ids).expect("decodes"), text);
        let mut stream = TextStream::default();
        let pieces: Vec<String> = ids.iter().map(|id| stream.push(&tokenizer, *id).expect("decodes")).collect();
        assert!(pieces.iter().all(|piece| !piece.contains('\u{FFFD}')), "{text:?} in {pieces:?}");
        assert_eq!(&pieces.concat(), text, "streamed");
    }
}

#[test]
fn control_tokens_are_not_text() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode(&TextTokenizer::chat("Hi")).expect("encodes");
    assert!(ids.contains(&tokenizer.end()), "{ids:?}");
    assert!(!tokenizer.decode(&ids).expect("decodes").contains("<|"));
}
