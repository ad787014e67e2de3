//! Joint decoding: the zipped text tower and the letters choose each sub-word together (hybrid CTC/attention, Watanabe et al. 2017).
//!
//! A sub-word's score is (1 − weight) · log p(zip) + weight · log of how much likelier the letters so far become by it + a bonus for each letter: what
//! a letter costs on the way, so that long sub-words can stand beside short ones (an estimate of the rest, as in A*). The offline twin is
//! `train/zipper_train/joint.py`.

use super::ctc::{Letters, Prefix};
use super::spelling::{SPACE, Trie};
use crate::error::{Error, Result};
use std::rc::Rc;

/// Chooses sub-word by sub-word.
pub struct Joint<'a> {
    trie: &'a Trie,
    prefix: Prefix,
    weight: f64,
    bonus: f64,
    end: u32,
    /// The last sub-word was a mark.
    marked: bool,
}

impl<'a> Joint<'a> {
    /// At the beginning of a transcript. `weight` (0 to 1) is that of the letters, `bonus` nats a letter; `end` is the token that ends it.
    #[must_use]
    pub fn new(trie: &'a Trie, letters: Rc<Letters>, weight: f64, bonus: f64, end: u32) -> Self {
        Self { trie, prefix: Prefix::new(letters), weight, bonus, end, marked: false }
    }

    /// The best next sub-word by these logits of the zip, `[vocabulary]`, or `None` where the transcript ends.
    ///
    /// # Errors
    /// [`Error::Gpu`] if a logit is no number.
    pub fn choose(&mut self, logits: &[f32]) -> Result<Option<u32>> {
        if !logits.iter().all(|l| l.is_finite()) {
            let message = "no sub-word can be chosen: the logits are no numbers".into();
            return Err(Error::Gpu { stage: "decoding".into(), message });
        }
        let largest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = logits.iter().map(|l| f64::from(l - largest).exp()).sum();
        let zip = |token: u32| match logits.get(token as usize) {
            Some(logit) => f64::from(logit - largest) - sum.ln(),
            None => f64::NEG_INFINITY,
        };
        let score = |token: u32, share: f64| (1.0 - self.weight) * zip(token) + self.weight * share;
        let mut best = (score(self.end, self.prefix.ends()), None);
        for branch in self.prefix.branches(self.trie) {
            let Some(letters) = self.trie.letters(branch.token) else { continue };
            if letters.is_empty() && self.marked {
                continue; // one mark at a time
            }
            let count = letters.iter().filter(|l| **l != SPACE).count();
            let found = score(branch.token, branch.share) + self.bonus * count as f64;
            if found > best.0 {
                best = (found, Some((branch.token, letters)));
            }
        }
        let Some((token, letters)) = best.1 else { return Ok(None) };
        self.marked = letters.is_empty();
        self.prefix = self.prefix.longer(letters);
        Ok(Some(token))
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
        let mut joint = Joint::new(&trie, says(sound), 0.5, 0.4, 0);
        let mut out = String::new();
        while let Some(token) = joint.choose(logits).expect("numbers") {
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
    fn logits_that_are_no_numbers_are_refused() {
        let trie = Trie::of(&[" sea".to_owned()]);
        assert!(Joint::new(&trie, says("sea"), 0.5, 0.4, 0).choose(&[f32::NAN]).is_err());
    }

    #[test]
    fn marks_without_letters_do_not_pile_up() {
        let mut prefers = [0.0f32; 8];
        prefers[4] = 50.0;
        assert_eq!(write("sea", &prefers).matches(',').count(), 1);
    }
}
