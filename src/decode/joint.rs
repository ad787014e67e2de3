//! Joint decoding: the zipped text tower and the letters choose each sub-word together (hybrid CTC/attention, Watanabe et al. 2017).
//!
//! A sub-word's score is (1 − weight) · log p(zip) + weight · log of how much likelier the letters so far become by it + a bonus for each letter: what
//! a letter costs on the way, so that long sub-words can stand beside short ones (an estimate of the rest, as in A*) − a charge for each word that the
//! lexicon does not know. The offline twin is `train/zipper_train/joint.py`.

use super::beam::{Next, Row};
use super::ctc::{Letters, Prefix};
use super::lexicon::{Lexicon, Word};
use super::spelling::{SPACE, Trie};
use crate::error::{Error, Result};
use std::rc::Rc;

/// How sub-words are weighed.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Of the letters, 0 to 1; the zip has the rest.
    pub letters: f64,
    /// Nats that a letter is worth.
    pub bonus: f64,
    /// Nats that an unknown word costs.
    pub charge: f64,
    /// Hypotheses kept.
    pub beam: usize,
    /// Nats under the best at which a hypothesis is dropped.
    pub margin: f64,
}

/// A transcript so far.
#[derive(Clone)]
pub struct Hypothesis {
    /// Its sub-words.
    pub ids: Vec<u32>,
    /// What was left beside the step that chose each of them.
    pub beside: Vec<Rc<[f32]>>,
    /// Its score.
    pub score: f64,
    prefix: Prefix,
    word: Word,
    /// The last sub-word was a mark.
    marked: bool,
}

/// Chooses sub-word by sub-word among several transcripts.
pub struct Joint<'a> {
    trie: &'a Trie,
    lexicon: &'a Lexicon,
    weights: Weights,
    end: u32,
    alive: Vec<Hypothesis>,
    ended: Option<Hypothesis>,
}

impl<'a> Joint<'a> {
    /// At the beginning of a transcript; `end` is the token that ends it.
    #[must_use]
    pub fn new(trie: &'a Trie, lexicon: &'a Lexicon, letters: Rc<Letters>, weights: Weights, end: u32) -> Self {
        let (prefix, word) = (Prefix::new(letters), Word::default());
        let start = Hypothesis { ids: Vec::new(), beside: Vec::new(), score: 0.0, prefix, word, marked: false };
        Self { trie, lexicon, weights, end, alive: vec![start], ended: None }
    }

    /// The transcripts that go on, best first, by the zip's logits, a row for each that is alive. None: the best has ended.
    ///
    /// # Errors
    /// [`Error::Gpu`] if a logit is no number.
    pub fn choose(&mut self, rows: Vec<Row>) -> Result<Vec<Next>> {
        let mut choices = Vec::new();
        for (parent, (hypothesis, row)) in self.alive.iter().zip(&rows).enumerate() {
            let of_parent = self.continuations(hypothesis, &row.logits)?;
            choices.extend(of_parent.into_iter().map(|(score, token)| (score, parent, token)));
        }
        // Stable: of equal scores the earlier hypothesis comes first.
        choices.sort_by(|a, b| b.0.total_cmp(&a.0));
        let beside: Vec<Rc<[f32]>> = rows.into_iter().map(|row| row.beside.into()).collect();
        let (mut alive, mut next) = (Vec::new(), Vec::new());
        for (score, parent, token) in choices.iter().take(self.weights.beam).copied() {
            let before = &self.alive[parent];
            let Some(letters) = token.and_then(|t| self.trie.letters(t)) else {
                if self.ended.as_ref().is_none_or(|best| score > best.score) {
                    self.ended = Some(Hypothesis { score, ..before.clone() });
                }
                continue;
            };
            let Some(token) = token else { continue };
            if score < choices[0].0 - self.weights.margin {
                break;
            }
            alive.push(Hypothesis {
                ids: before.ids.iter().copied().chain([token]).collect(),
                beside: before.beside.iter().chain([&beside[parent]]).cloned().collect(),
                score,
                prefix: before.prefix.longer(letters),
                word: before.word.then(letters, self.lexicon).0,
                marked: letters.is_empty(),
            });
            next.push(Next { parent, token });
        }
        let best_alive = alive.iter().map(|h| h.score).fold(f64::NEG_INFINITY, f64::max);
        if self.ended.as_ref().is_some_and(|best| best.score >= best_alive) {
            alive.clear();
            next.clear();
        }
        self.alive = alive;
        Ok(next)
    }

    /// The best few ways on, with the scores that they lead to; no token: the end.
    fn continuations(&self, hypothesis: &Hypothesis, logits: &[f32]) -> Result<Vec<(f64, Option<u32>)>> {
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
        let share = self.weights.letters;
        let score = |token: u32, letters: f64| hypothesis.score + (1.0 - share) * zip(token) + share * letters;
        let mut found = Vec::new();
        for branch in hypothesis.prefix.branches(self.trie) {
            let Some(letters) = self.trie.letters(branch.token) else { continue };
            if letters.is_empty() && hypothesis.marked {
                continue; // one mark at a time
            }
            let count = letters.iter().filter(|l| **l != SPACE).count();
            let unknown = hypothesis.word.then(letters, self.lexicon).1;
            let extra = self.weights.bonus * count as f64 - self.weights.charge * unknown as f64;
            found.push((score(branch.token, branch.share) + extra, Some(branch.token)));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(self.weights.beam);
        let unknown = self.weights.charge * hypothesis.word.unknown(self.lexicon) as f64;
        found.insert(0, (score(self.end, hypothesis.prefix.ends()) - unknown, None));
        Ok(found)
    }

    /// The best transcript so far: one that has ended, if none that is alive is better.
    #[must_use]
    pub fn best(&self) -> Option<&Hypothesis> {
        // The later of equals: an end counts more.
        self.alive.iter().chain(&self.ended).max_by(|a, b| a.score.total_cmp(&b.score))
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

    fn weights(beam: usize) -> Weights {
        Weights { letters: 0.5, bonus: 0.4, charge: 3.0, beam, margin: 20.0 }
    }

    fn lexicon() -> Lexicon {
        Lexicon::new(b"be\nbee\nsea\n").expect("in order")
    }

    fn write(sound: &str, logits: &[f32]) -> String {
        let texts: Vec<String> = ["<end>", " be", " bee", "e", ",", " sea", "sea", "Sea"].map(String::from).to_vec();
        let (trie, lexicon) = (Trie::of(&texts), lexicon());
        let write = |beam| {
            let mut joint = Joint::new(&trie, &lexicon, says(sound), weights(beam), 0);
            let mut alive = 1;
            while alive > 0 {
                let row = || Row { logits: logits.to_vec(), beside: Vec::new() };
                alive = joint.choose((0..alive).map(|_| row()).collect()).expect("numbers").len();
                assert!(joint.best().expect("one").ids.len() < 20, "ends");
            }
            joint.best().expect("one").ids.iter().map(|t| texts[*t as usize].as_str()).collect::<String>()
        };
        let narrow = write(1);
        assert_eq!(narrow, write(3), "an easy sound needs no beam");
        narrow
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
        assert!(
            Joint::new(&trie, &lexicon(), says("sea"), weights(1), 0)
                .choose(vec![Row { logits: vec![f32::NAN], beside: Vec::new() }])
                .is_err()
        );
    }

    #[test]
    fn what_sounds_alike_is_written_as_a_word() {
        let texts: Vec<String> = ["<end>", " sea", " ce", " se"].map(String::from).to_vec();
        let (trie, lexicon) = (Trie::of(&texts), lexicon());
        // The tower prefers what is no word, a little.
        let row = || Row { logits: vec![-4.0, 0.0, 1.0, 1.0], beside: Vec::new() };
        let first = |charge| {
            let mut joint = Joint::new(&trie, &lexicon, says("se"), Weights { charge, ..weights(3) }, 0);
            joint.choose(vec![row()]).expect("numbers");
            joint.best().expect("one").score
        };
        assert!((first(0.0) - first(2.0)).abs() < 1e-9, "\" se\" begins a word: nothing is charged before it ends");
        let mut joint = Joint::new(&trie, &lexicon, says("ce"), weights(3), 0);
        joint.choose(vec![row()]).expect("numbers");
        let mut free = Joint::new(&trie, &lexicon, says("ce"), Weights { charge: 0.0, ..weights(3) }, 0);
        free.choose(vec![row()]).expect("numbers");
        let cost = free.best().expect("one").score - joint.best().expect("one").score;
        assert!((cost - 3.0).abs() < 1e-9, "\" ce\" begins none: {cost}");
    }

    #[test]
    fn marks_without_letters_do_not_pile_up() {
        let mut prefers = [0.0f32; 8];
        prefers[4] = 50.0;
        assert_eq!(write("sea", &prefers).matches(',').count(), 1);
    }
}
