//! What is said is understood again: sentences to sound and back to text by our own recognition, all in one program; and whoever speaks stops where
//! the sentence ends.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One to twenty words; questions, names and numbers among them. None was trained on.
const SENTENCES: [&str; 8] = [
    "Thank you.",
    "Where is the nearest train station?",
    "I would like two cups of coffee and a glass of water, please.",
    "The meeting was moved to Thursday at 9:30.",
    "My sister Emily lives in a small town near Boston.",
    "It rained all day, so we stayed at home and played cards.",
    "He bought 12 apples for $3.50.",
    "Nobody knew who had left the old wooden box in front of the door.",
];
/// As our recognition writes them: words for numbers.
const SAID: [&str; 8] = [
    "thank you",
    "where is the nearest train station",
    "i would like two cups of coffee and a glass of water please",
    "the meeting was moved to thursday at nine thirty",
    "my sister emily lives in a small town near boston",
    "it rained all day so we stayed at home and played cards",
    "he bought twelve apples for three dollars and fifty cents",
    "nobody knew who had left the old wooden box in front of the door",
];
/// Word error rate over all of them that still passes.
const MOST_WRONG: f64 = 0.2;
/// Seconds a word.
const PACE: std::ops::Range<f64> = 0.15..0.9;
/// Seconds a letter as written; "$" and digits are few letters that take long.
const LETTER: std::ops::Range<f64> = 0.03..0.4;

fn objects(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_zipper")).args(arguments).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn words(text: &str) -> Vec<String> {
    let plain = text.to_lowercase().replace(|c: char| !c.is_alphanumeric() && c != '\'', " ");
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Words to insert, delete or exchange.
fn errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, word) in said.iter().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, other) in heard.iter().enumerate() {
            let best = (corner + usize::from(word != other)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[heard.len()]
}

/// Says a text a line into `folder`; every piece of each ends by itself.
fn say(texts: &[&str], folder: &Path) -> Vec<Value> {
    std::fs::create_dir_all(folder).expect("made");
    let lines = folder.join("lines.txt");
    std::fs::write(&lines, texts.join("\n")).expect("written");
    let path = |p: &Path| p.to_str().expect("UTF-8").to_owned();
    let spoken = objects(&["speak", "--lines", &path(&lines), "--out-dir", &path(folder), "--json"]);
    assert_eq!(spoken.len(), texts.len());
    for (one, text) in spoken.iter().zip(texts) {
        let stops = one["stops"].as_array().expect("stops");
        assert!(stops.iter().all(|stop| stop == "end"), "{text:?} did not end by itself: {one}");
    }
    spoken
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("zipper-{name}-{}", std::process::id()))
}

#[test]
fn a_sample_of_the_stop_rule_list_ends() {
    let texts: Vec<&str> = include_str!("../../tests/sentences/stop_rule.txt").lines().step_by(20).collect();
    let folder = folder("stop-rule");
    for (one, text) in say(&texts, &folder).iter().zip(texts) {
        let pace = one["seconds"].as_f64().expect("seconds") / text.len() as f64;
        assert!(LETTER.contains(&pace), "{text:?}: {pace:.3} s a letter");
    }
    std::fs::remove_dir_all(&folder).expect("was made");
}

#[test]
fn what_is_said_is_understood_and_ends() {
    let folder = folder("round-trip");
    let spoken = say(&SENTENCES, &folder);
    for (one, said) in spoken.iter().zip(SAID) {
        let pace = one["seconds"].as_f64().expect("seconds") / words(said).len() as f64;
        assert!(PACE.contains(&pace), "{said:?}: {pace:.2} s a word");
    }
    let files: Vec<String> = spoken.iter().map(|one| one["file"].as_str().expect("file").to_owned()).collect();
    let arguments: Vec<&str> = ["transcribe", "--json"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let (mut wrong, mut all) = (0, 0);
    for (said, heard) in SAID.iter().zip(objects(&arguments)) {
        let (said, heard) = (words(said), words(heard["text"].as_str().expect("text")));
        println!("{} -> {}", said.join(" "), heard.join(" "));
        wrong += errors(&said, &heard);
        all += said.len();
    }
    std::fs::remove_dir_all(&folder).expect("was made");
    let rate = wrong as f64 / all as f64;
    println!("word error rate there and back: {rate:.3}");
    assert!(rate <= MOST_WRONG, "{wrong} of {all} words are wrong");
}
