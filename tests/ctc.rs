//! Letters against the text tower's own sub-words: every way to write a sentence is found, and only what letters can check.

mod common;

use common::{GGUF, fetched};
use std::rc::Rc;
use zipper::decode::Row;
use zipper::decode::ctc::{Letters, Prefix};
use zipper::decode::joint::{Joint, Weights};
use zipper::decode::lexicon::Lexicon;
use zipper::decode::spelling::{BLANK, CLASSES, SPACE, Trie, spelling};
use zipper::tokens::TextTokenizer;
use zipper::weights::gguf::Reader;

const SENTENCE: &str = "Don't ask me — it's a well-known story, isn't it?";

fn tokenizer() -> TextTokenizer {
    let mut reader = Reader::new();
    // The directory is in front of the tensors.
    reader.push(&fetched(GGUF)[..8 << 20], |_, _, _| Ok(())).expect("well formed");
    TextTokenizer::from_gguf(reader.header().expect("the directory is in")).expect("a tokenizer")
}

/// A sound that says `letters`, each for two frames and then a pause, with doubt in every frame.
fn says(letters: &[u8]) -> Rc<Letters> {
    let mut logits = Vec::new();
    for class in letters.iter().flat_map(|l| [*l, *l, BLANK]) {
        let mut row = [0.0f32; CLASSES];
        row[usize::from(class)] = 8.0;
        logits.extend(row);
    }
    Rc::new(Letters::from_logits(&logits))
}

/// The letters of sub-words one after the other, spaces as a prefix takes them.
fn joined(trie: &Trie, ids: &[u32]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for class in ids.iter().flat_map(|id| trie.letters(*id).expect("may be written")) {
        if *class != SPACE || out.last().is_some_and(|last| *last != SPACE) {
            out.push(*class);
        }
    }
    out
}

#[test]
fn sub_words_spell_what_their_text_spells() {
    let tokenizer = tokenizer();
    let trie = Trie::new(&tokenizer).expect("decodes");
    let ids = tokenizer.encode(SENTENCE).expect("encodes");
    assert_eq!(joined(&trie, &ids), spelling(SENTENCE).expect("letters"));
    let mut written = 0;
    for id in 0..tokenizer.vocabulary() as u32 {
        let text = tokenizer.decode(&[id]).expect("decodes");
        let Some(letters) = trie.letters(id) else {
            let plain = text.contains(|c: char| c.is_ascii_alphabetic())
                && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
            assert!(!plain, "{text:?} could be written");
            continue;
        };
        assert!(!text.is_empty() && !text.chars().any(|c| c.is_ascii_digit()), "{text:?} may not be written");
        let node = letters.iter().fold(0, |at, l| trie.node(at).children[usize::from(*l)]);
        assert!(trie.node(node).tokens.contains(&id), "{text:?} is not where its letters lead");
        written += 1;
    }
    println!("{written} of {} sub-words may be written", tokenizer.vocabulary());
    assert!(written * 10 > tokenizer.vocabulary() * 8);
}

#[test]
fn a_sound_allows_every_way_to_write_it_and_little_else() {
    let tokenizer = tokenizer();
    let trie = Trie::new(&tokenizer).expect("decodes");
    let letters = spelling(SENTENCE).expect("letters");
    let sound = says(&letters);
    let mut prefix = Prefix::new(sound);
    for id in tokenizer.encode(SENTENCE).expect("encodes") {
        let branches = prefix.branches(&trie);
        let next = branches.iter().find(|b| b.token == id).unwrap_or_else(|| panic!("sub-word {id} is given up"));
        assert!(next.share <= 1e-9 && next.share > -1.0, "{next:?}");
        let loud = branches.iter().filter(|b| trie.letters(b.token).is_some_and(|l| !l.is_empty())).count();
        assert!(loud < trie.letters(id).map_or(0, <[u8]>::len) * 400 + 4000, "{loud} branches");
        prefix = prefix.longer(trie.letters(id).expect("may be written"));
    }
    assert!(prefix.ends() > -1.0, "nothing is left: {}", prefix.ends());
}

#[test]
fn with_a_tower_that_knows_nothing_the_sound_alone_is_written() {
    let tokenizer = tokenizer();
    let trie = Trie::new(&tokenizer).expect("decodes");
    let letters = spelling(SENTENCE).expect("letters");
    let weights = Weights { letters: 0.5, bonus: 0.4, charge: 3.0, beam: 2, margin: 20.0 };
    let lexicon = Lexicon::new(b"a\nask\ndon't\nisn't\nit\nknown\nme\nstory\nwell\n").expect("in order");
    let mut joint = Joint::new(&trie, &lexicon, says(&letters), weights, 0);
    // But marks it writes only where it must.
    let mark = |id: u32| trie.letters(id).is_some_and(|l| l.iter().all(|c| *c == SPACE));
    let logits: Vec<f32> = (0..tokenizer.vocabulary() as u32).map(|id| if mark(id) { -20.0 } else { 0.0 }).collect();
    let started = std::time::Instant::now();
    let mut alive = 1;
    while alive > 0 {
        let row = || Row { logits: logits.clone(), beside: Vec::new() };
        alive = joint.choose((0..alive).map(|_| row()).collect()).expect("numbers").len();
        assert!(joint.best().expect("one").ids.len() < 100, "ends");
    }
    let ids = joint.best().expect("one").ids.clone();
    println!("{:?}, {:.1} ms a step", tokenizer.decode(&ids), started.elapsed().as_secs_f64() * 1e3 / ids.len() as f64);
    assert_eq!(joined(&trie, &ids), letters);
}
