//! Text in pieces: a sentence each, or part of one that would be too long to say at once.

use super::words::spoken;
use crate::error::{Error, Result};
use serde::Serialize;

/// Bytes of the longest piece, as it is said: what the text tower reads in one go.
const LONGEST: usize = 120;
/// Letters of the longest word that is tried.
const LONGEST_WORD: usize = 60;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Where it begins in the text, in UTF-16 units, as JavaScript counts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How it is said.
    pub spoken: String,
    /// Whether a paragraph ends with it.
    pub paragraph: bool,
}

/// A stretch of the text in bytes.
#[derive(Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

/// The pieces of `text`, in order.
///
/// # Errors
/// [`Error::NothingToSay`] if no piece has a letter or digit, [`Error::WordTooLong`].
pub fn readable(text: &str) -> Result<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    for paragraph in paragraphs(text) {
        let before = pieces.len();
        for sentence in sentences(text, paragraph) {
            for (span, said) in parts(text, sentence)? {
                let utf16 = |end: usize| text[..end].encode_utf16().count();
                pieces.push(Piece { start: utf16(span.from), end: utf16(span.to), spoken: said, paragraph: false });
            }
        }
        if pieces.len() > before
            && let Some(last) = pieces.last_mut()
        {
            last.paragraph = true;
        }
    }
    if pieces.is_empty() {
        return Err(Error::NothingToSay(text.trim().chars().take(20).collect()));
    }
    Ok(pieces)
}

fn paragraphs(text: &str) -> Vec<Span> {
    let mut from = 0;
    let mut out = Vec::new();
    for line in text.split_inclusive('\n') {
        out.push(Span { from, to: from + line.len() });
        from += line.len();
    }
    out
}

/// Sentences end at . ! ? where the next word does not go on in small letters and the dot belongs to no title or initial.
fn sentences(text: &str, within: Span) -> Vec<Span> {
    let words = words(text, within);
    let mut out = Vec::new();
    let mut first = 0;
    for (at, word) in words.iter().enumerate() {
        let written = text[word.from..word.to].trim_end_matches(['"', '\'', '”', '’', ')', ']']);
        let next = words.get(at + 1).and_then(|w| text[w.from..w.to].chars().next());
        let number = next.is_some_and(|c| c.is_ascii_digit());
        let ends = written.ends_with(['!', '?', '…']) || (written.ends_with('.') && !stays_open(written, number));
        if next.is_none() || (ends && !next.is_some_and(char::is_lowercase)) {
            out.push(Span { from: words[first].from, to: word.to });
            first = at + 1;
        }
    }
    out
}

/// Whether the dot of `word` ends no sentence; `number`: a number follows.
fn stays_open(word: &str, number: bool) -> bool {
    let stem = word.trim_end_matches('.').trim_start_matches(['"', '(', '“']).to_ascii_lowercase();
    let titles =
        ["mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "approx", "gov", "capt", "lt", "sgt", "col"];
    // These are words too, or end a sentence, where no number follows.
    let numbered = ["no", "jan", "feb", "apr", "aug", "sept", "oct", "nov", "dec"];
    titles.contains(&stem.as_str())
        || (number && numbered.contains(&stem.as_str()))
        || (stem.chars().count() == 1 && stem != "i" && !stem.chars().all(|c| c.is_ascii_digit()))
}

fn words(text: &str, within: Span) -> Vec<Span> {
    let mut out: Vec<Span> = Vec::new();
    let mut open = None;
    for (at, c) in text[within.from..within.to].char_indices() {
        let at = within.from + at;
        match (c.is_whitespace(), open) {
            (false, None) => open = Some(at),
            (true, Some(from)) => {
                out.push(Span { from, to: at });
                open = None;
            }
            _ => {}
        }
    }
    if let Some(from) = open {
        out.push(Span { from, to: within.to });
    }
    out
}

/// A sentence as one piece, or as several, cut at its clauses where possible.
fn parts(text: &str, sentence: Span) -> Result<Vec<(Span, String)>> {
    let words = words(text, sentence);
    for word in &words {
        let written = &text[word.from..word.to];
        let run = written.split(|c: char| !c.is_alphabetic()).map(|r| r.chars().count()).max().unwrap_or(0);
        if run > LONGEST_WORD {
            return Err(Error::WordTooLong {
                word: written.chars().take(20).collect(),
                letters: run,
                most: LONGEST_WORD,
            });
        }
    }
    let mut out = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let said = |last: usize| spoken(&text[words[first].from..words[last].to]);
        let fits = |last: &usize| said(*last).len() <= LONGEST;
        let last = (first..words.len()).take_while(fits).last().unwrap_or(first);
        let clause =
            (first..=last).rev().find(|at| text[words[*at].from..words[*at].to].ends_with([',', ';', ':', '–', '—']));
        let last = match clause {
            // A cut at a clause, unless it leaves hardly anything.
            Some(clause) if last + 1 < words.len() && said(clause).len() * 3 > LONGEST => clause,
            _ => last,
        };
        let span = Span { from: words[first].from, to: words[last].to };
        for piece in short(&said(last)) {
            if piece.contains(|c: char| c.is_ascii_alphanumeric()) {
                out.push((span, piece));
            }
        }
        first = last + 1;
    }
    Ok(out)
}

/// One word may be long to say (a number of forty digits): cut between the words it is said in.
fn short(said: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    for word in said.split(' ') {
        let full = out.last().is_some_and(|piece| !piece.is_empty() && piece.len() + 1 + word.len() > LONGEST);
        if full {
            out.push(String::new());
        }
        if let Some(piece) = out.last_mut() {
            if !piece.is_empty() {
                piece.push(' ');
            }
            *piece += word;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        readable(text).expect("readable").into_iter().map(|p| p.spoken).collect()
    }

    #[test]
    fn sentences_are_pieces() {
        assert_eq!(said("Hello there. How are you? Fine!"), ["Hello there.", "How are you?", "Fine!"]);
        let names = "Dr. Smith saw J. K. Rowling at 5 p.m. yesterday.";
        assert_eq!(said(names), ["Doctor Smith saw J. K. Rowling at five P M yesterday."]);
        assert_eq!(said("One\n\nTwo"), ["One", "Two"]);
        assert_eq!(said("He said no. She left."), ["He said no.", "She left."]);
        assert_eq!(said("No. 5 came on Jan. 5, 2026."), ["Number five came on January five, twenty twenty six."]);
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "Ünü 😀 one. Two $5.";
        let pieces = readable(text).expect("readable");
        let units: Vec<u16> = text.encode_utf16().collect();
        let written: Vec<String> = pieces.iter().map(|p| String::from_utf16_lossy(&units[p.start..p.end])).collect();
        assert_eq!(written, ["Ünü 😀 one.", "Two $5."]);
        assert!(pieces[1].paragraph && !pieces[0].paragraph);
    }

    #[test]
    fn long_sentences_are_cut_at_clauses() {
        let clause = "the quick brown fox jumps over the lazy dog";
        let text = format!("{clause}, {clause}, {clause}; {clause} {clause} {clause} {clause}.");
        let pieces = said(&text);
        assert!(pieces.len() >= 3 && pieces.iter().all(|p| p.len() <= LONGEST && !p.is_empty()), "{pieces:?}");
        assert!(pieces[0].ends_with(','));
        assert_eq!(pieces.join(" "), text);
        assert!(said(&"7".repeat(90)).iter().all(|p| p.len() <= LONGEST));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for text in ["", "   \n", "...", "☃ 日本", "()"] {
            assert!(matches!(readable(text), Err(Error::NothingToSay(_))), "{text:?}");
        }
        assert!(matches!(readable(&"a".repeat(61)), Err(Error::WordTooLong { letters: 61, .. })));
    }
}
