//! How sub-words are spelled, letter by letter as the speller knows letters: class 0 is its blank, then a space, a to z and the
//! apostrophe. The offline twin is `train/zipper_train/joint.py`.

use crate::error::Result;
use crate::tokens::TextTokenizer;

/// Letters and the blank.
pub const CLASSES: usize = 29;
/// The class of "no letter".
pub const BLANK: u8 = 0;
/// The class of a space.
pub const SPACE: u8 = 1;
/// Characters of the longest mark, such as `...`.
const LONGEST_MARK: usize = 3;

/// The letters of a sub-word's text, runs of spaces as one; `None` where it holds what a speller cannot check (digits, signs that
/// are read as words, other scripts, half a character) or what no transcript holds.
#[must_use]
pub fn spelling(text: &str) -> Option<Vec<u8>> {
    let mut letters: Vec<u8> = Vec::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            '-' | '–' | '—' | ' ' if letters.last() == Some(&SPACE) => {}
            '-' | '–' | '—' | ' ' => letters.push(SPACE),
            letter @ 'a'..='z' => letters.push(2 + letter as u8 - b'a'),
            '\'' | '’' => letters.push(28),
            ',' | '.' | '?' | '!' | ';' | ':' | '"' | '‘' | '“' | '”' | '…' => {}
            _ => return None,
        }
    }
    let wordless = !text.contains(|c: char| c.is_ascii_alphabetic());
    (!wordless || text.chars().count() <= LONGEST_MARK).then_some(letters)
}

/// A node of the [`Trie`].
#[derive(Clone)]
pub struct Node {
    /// The node of each next letter; 0 where there is none.
    pub children: [u32; CLASSES],
    /// The sub-words that are spelled so.
    pub tokens: Vec<u32>,
}

/// Every sub-word by its spelling. Node 0 is the root: sub-words without letters.
pub struct Trie {
    nodes: Vec<Node>,
    spelled: Vec<Option<Vec<u8>>>,
}

impl Trie {
    /// Of all sub-words of `tokenizer`; control tokens are left out.
    ///
    /// # Errors
    /// As [`TextTokenizer::decode`].
    pub fn new(tokenizer: &TextTokenizer) -> Result<Self> {
        let texts = (0..tokenizer.vocabulary() as u32).map(|id| tokenizer.decode(&[id])).collect::<Result<Vec<_>>>()?;
        Ok(Self::of(&texts))
    }

    /// Of sub-words given as their texts; an empty text is left out.
    #[must_use]
    pub fn of(texts: &[String]) -> Self {
        let empty = || Node { children: [0; CLASSES], tokens: Vec::new() };
        let mut trie = Self { nodes: vec![empty()], spelled: Vec::with_capacity(texts.len()) };
        for (token, text) in (0u32..).zip(texts) {
            let letters = if text.is_empty() { None } else { spelling(text) };
            if let Some(letters) = &letters {
                let mut at = 0usize;
                for letter in letters {
                    let letter = usize::from(*letter);
                    if trie.nodes[at].children[letter] == 0 {
                        trie.nodes[at].children[letter] = trie.nodes.len() as u32;
                        trie.nodes.push(empty());
                    }
                    at = trie.nodes[at].children[letter] as usize;
                }
                trie.nodes[at].tokens.push(token);
            }
            trie.spelled.push(letters);
        }
        trie
    }

    /// A node; the root for a number that is none.
    #[must_use]
    pub fn node(&self, index: u32) -> &Node {
        self.nodes.get(index as usize).unwrap_or(&self.nodes[0])
    }

    /// The letters of a sub-word, if it may be written at all.
    #[must_use]
    pub fn letters(&self, token: u32) -> Option<&[u8]> {
        self.spelled.get(token as usize)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_what_is_spoken() {
        assert_eq!(spelling(" The"), Some(vec![SPACE, 21, 9, 6]));
        assert_eq!(spelling("—"), Some(vec![SPACE]));
        assert_eq!(spelling(" - "), Some(vec![SPACE]));
        assert_eq!(spelling(",”"), Some(vec![]));
        assert_eq!(spelling("don’t"), spelling("DON'T"));
        for unknown in ["4", "$", "é", "\u{FFFD}", "日", "\n", "||||", "(a", "....."] {
            assert_eq!(spelling(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_trie_finds_every_spelling() {
        let texts: Vec<String> = ["", " a", " A", "and", " and", ",", "7", "an"].map(String::from).to_vec();
        let trie = Trie::of(&texts);
        let walk = |text: &str| {
            let letters = spelling(text).expect("spelled");
            letters.iter().fold(0, |at, l| trie.node(at).children[usize::from(*l)])
        };
        assert_eq!(trie.node(walk(" a")).tokens, [1, 2]);
        assert_eq!(trie.node(walk("and")).tokens, [3]);
        assert_eq!(trie.node(0).tokens, [5]);
        assert_eq!((trie.letters(0), trie.letters(6), trie.letters(99)), (None, None, None));
        assert_eq!(trie.letters(7), spelling("an").as_deref());
    }
}
