//! The words that English text uses. A transcript that spells something else pays for it: the sound alone, letter by letter, would write what
//! nobody writes. The offline twin is `train/zipper_train/lexicon.py`.

use super::spelling::SPACE;
use crate::error::{Error, Result};

/// Sorted words in small letters and apostrophes.
pub struct Lexicon {
    text: Vec<u8>,
    /// Where each begins; at last, where another one would.
    starts: Vec<u32>,
}

impl Lexicon {
    /// Of words in order, each followed by a line break.
    ///
    /// # Errors
    /// [`Error::Format`] if they are in another order.
    pub fn new(text: &[u8]) -> Result<Self> {
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect();
        let out = Self { text: text.to_vec(), starts };
        let wrong = (1..out.len()).find(|i| out.word(i - 1) >= out.word(*i));
        match wrong {
            Some(i) => {
                let word = String::from_utf8_lossy(out.word(i));
                Err(Error::format("the lexicon", format!("{word:?} does not follow the word before it")))
            }
            None => Ok(out),
        }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn word(&self, at: usize) -> &[u8] {
        &self.text[self.starts[at] as usize..self.starts[at + 1] as usize - 1]
    }

    /// The first word that is not before `word`.
    fn at_or_behind(&self, word: &[u8]) -> Option<&[u8]> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.word(middle) < word { low = middle + 1 } else { high = middle }
        }
        (low < self.len()).then(|| self.word(low))
    }

    /// Whether `word` is one of them, or one with 's or an apostrophe behind it.
    #[must_use]
    pub fn knows(&self, word: &[u8]) -> bool {
        let base = word.strip_suffix(b"'s").or_else(|| word.strip_suffix(b"'"));
        self.at_or_behind(word) == Some(word) || base.is_some_and(|base| self.knows(base))
    }

    /// Whether one begins with `start`.
    #[must_use]
    pub fn begins(&self, start: &[u8]) -> bool {
        self.at_or_behind(start).is_some_and(|word| word.starts_with(start)) || self.knows(start)
    }
}

/// The word that a transcript is in the middle of.
#[derive(Clone, Default)]
pub struct Word {
    start: Vec<u8>,
    /// It is unknown, whatever comes, and was counted.
    counted: bool,
}

impl Word {
    /// The word after `letters` (the speller's classes), and how many words turned out unknown on the way.
    #[must_use]
    pub fn then(&self, letters: &[u8], lexicon: &Lexicon) -> (Self, usize) {
        let (mut word, mut unknown) = (self.clone(), 0);
        for letter in letters {
            match *letter {
                SPACE => {
                    unknown += word.unknown(lexicon);
                    word = Self::default();
                }
                28 => word.start.push(b'\''),
                letter => word.start.push(b'a' + letter - 2),
            }
        }
        if !word.start.is_empty() && !word.counted && !lexicon.begins(&word.start) {
            word.counted = true;
            unknown += 1;
        }
        (word, unknown)
    }

    /// 1 if the word is unknown should it end here, and was not counted yet.
    #[must_use]
    pub fn unknown(&self, lexicon: &Lexicon) -> usize {
        usize::from(!self.counted && !self.start.is_empty() && !lexicon.knows(&self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::spelling::spelling;

    fn lexicon() -> Lexicon {
        Lexicon::new(b"cat\ndog\ndogma\nit\n").expect("in order")
    }

    fn unknown(texts: &[&str]) -> Vec<usize> {
        let (lexicon, mut word, mut out) = (lexicon(), Word::default(), Vec::new());
        for text in texts {
            let (next, count) = word.then(&spelling(text).expect("spelled"), &lexicon);
            word = next;
            out.push(count);
        }
        out.push(word.unknown(&lexicon));
        out
    }

    #[test]
    fn an_unknown_word_counts_once_and_as_soon_as_it_shows() {
        assert_eq!(unknown(&[" The", " dog"]), [1, 0, 0]);
        assert_eq!(unknown(&[" dog", "ma"]), [0, 0, 0]);
        assert_eq!(unknown(&[" do", "gm"]), [0, 0, 1]);
        assert_eq!(unknown(&[" do", "gm", " cat"]), [0, 0, 1, 0]);
        assert_eq!(unknown(&[" do", "x", "y", " cat"]), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_possessive_is_known_with_its_word() {
        assert_eq!(unknown(&[" it", "'", "s", " dog's"]), [0, 0, 0, 0, 0]);
        assert_eq!(unknown(&[" cow", "'s"]), [1, 0, 0]);
    }

    #[test]
    fn words_out_of_order_are_refused() {
        assert!(Lexicon::new(b"dog\ncat\n").is_err());
    }
}
