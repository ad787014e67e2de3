//! Joint decoding: the zipped text tower and the letters choose each sub-word together (hybrid CTC/attention, Watanabe et al. 2017).
//!
//! A sub-word's score is (1 − weight) · log p(zip) + weight · log of how much likelier the letters so far become by it. The offline twin is
//! `train/zipper_train/joint.py`.

use super::ctc::{Letters, Prefix};
use super::spelling::Trie;
use std::rc::Rc;

/// Sub-words without letters that may follow each other.
const SILENT: usize = 2;

/// Chooses sub-word by sub-word.
pub struct Joint<'a> {
    trie: &'a Trie,
    prefix: Prefix,
    weight: f64,
    end: u32,
    silent: usize,
}

impl<'a> Joint<'a> {
    /// At the beginning of a transcript; `end` is the token that ends it.
    #[must_use]
    pub fn new(trie: &'a Trie, letters: Rc<Letters>, weight: f64, end: u32) -> Self {
        Self { trie, prefix: Prefix::new(letters), weight, end, silent: 0 }
    }

    /// The best next sub-word by these logits of the zip, `[vocabulary]`, or `None` where the transcript ends.
    pub fn choose(&mut self, logits: &[f32]) -> Option<u32> {
        let largest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = logits.iter().map(|l| f64::from(l - largest).exp()).sum();
        let zip = |token: u32| match logits.get(token as usize) {
            Some(logit) => f64::from(logit - largest) - sum.ln(),
            None => f64::NEG_INFINITY,
        };
        let score = |token: u32, share: f64| (1.0 - self.weight) * zip(token) + self.weight * share;
        let mut best = (score(self.end, self.prefix.ends()), None);
        for branch in self.prefix.branches(self.trie) {
            if branch.silent && self.silent >= SILENT {
                continue;
            }
            let found = score(branch.token, branch.share);
            if found > best.0 {
                best = (found, Some(branch));
            }
        }
        let branch = best.1?;
        self.silent = if branch.silent { self.silent + 1 } else { 0 };
        self.prefix = self.prefix.longer(self.trie.letters(branch.token)?);
        Some(branch.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::spelling::CLASSES;

    /// A sound that says the letters of `text`, a blank after each.
    fn says(text: &str) -> Rc<Letters> {
        let letters = crate::decode::spelling::spelling(text).expect("spelled");
        let mut logits = Vec::new();
        for class in letters.iter().flat_map(|l| [*l, 0]) {
            let mut row = [0.0f32; CLASSES];
            row[usize::from(class)] = 9.0;
            logits.extend(row);
        }
        Rc::new(Letters::from_logits(&logits))
    }

    fn write(sound: &str, logits: &[f32]) -> String {
        let texts: Vec<String> = ["<end>", " be", " bee", "e", ",", " sea", "sea", "Sea"].map(String::from).to_vec();
        let trie = Trie::of(&texts);
        let mut joint = Joint::new(&trie, says(sound), 0.5, 0);
        let mut out = String::new();
        while let Some(token) = joint.choose(logits) {
            out += &texts[token as usize];
            assert!(out.len() < 60, "ends");
        }
        out
    }

    #[test]
    fn the_sound_decides_the_letters_and_the_tower_how_they_are_written() {
        let mut prefers = [0.0f32; 8];
        prefers[4] = -20.0;
        assert_eq!(write("sea bee", &prefers).to_lowercase().trim(), "sea bee");
        prefers[7] = 3.0;
        assert_eq!(write("sea be", &prefers), "Sea be");
    }

    #[test]
    fn marks_without_letters_do_not_pile_up() {
        let mut prefers = [0.0f32; 8];
        prefers[4] = 50.0;
        assert!(!write("sea", &prefers).contains(",,,"));
    }
}
