//! CTC prefix scores: how likely a sound begins with given letters, summed over all alignments (Graves 2006; as the acoustic half of
//! hybrid CTC/attention decoding, Watanabe et al. 2017). The offline twin is `train/zipper_train/joint.py`.

use super::spelling::{BLANK, CLASSES, SPACE, Trie};
use std::rc::Rc;

/// Nats under the prefix at which a branch is given up.
const BELOW: f64 = 14.0;
/// Share of the largest below which nothing is left of a prefix at a frame.
const FAINT: f64 = 1e-12;
/// Frames beyond the prefix's last that a sub-word may take.
const AHEAD: usize = 120;

/// Probability of every letter at every frame.
pub struct Letters {
    values: Vec<[f64; CLASSES]>,
}

impl Letters {
    /// From log-probabilities or logits `[frames, 29]`; each frame is normalized.
    #[must_use]
    pub fn from_logits(logits: &[f32]) -> Self {
        let frame = |row: &[f32]| {
            let largest = row.iter().copied().fold(f32::MIN, f32::max);
            let mut out = [0.0; CLASSES];
            for (p, logit) in out.iter_mut().zip(row) {
                *p = f64::from(logit - largest).exp();
            }
            let sum: f64 = out.iter().sum();
            out.map(|p| p / sum)
        };
        Self { values: logits.chunks_exact(CLASSES).map(frame).collect() }
    }

    /// Frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Probabilities of a frame.
    #[must_use]
    pub fn frame(&self, at: usize) -> &[f64; CLASSES] {
        &self.values[at]
    }

    /// The likeliest class of each frame, repeats merged, blanks dropped: a first reading, in small letters.
    #[must_use]
    pub fn read_off(&self) -> String {
        let best = |frame: &[f64; CLASSES]| {
            let better = |a: usize, b: usize| if frame[b] > frame[a] { b } else { a };
            (0..CLASSES).reduce(better).unwrap_or(0) as u8
        };
        let mut last = BLANK;
        let mut out = String::new();
        for class in self.values.iter().map(best) {
            if class != last {
                match class {
                    BLANK => {}
                    SPACE => out.push(' '),
                    28 => out.push('\''),
                    letter => out.push(char::from(b'a' + letter - 2)),
                }
            }
            last = class;
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What a prefix leaves behind at each point between frames: entry `t` is the state after `t` frames.
#[derive(Clone)]
struct Forward {
    /// Exactly these letters, the last frame a letter.
    letter: Vec<f64>,
    /// Exactly these letters, the last frame a blank.
    rest: Vec<f64>,
}

/// Letters so far against the sound.
#[derive(Clone)]
pub struct Prefix {
    sound: Rc<Letters>,
    last: Option<u8>,
    /// Relative to `e^scale`; all frames.
    forward: Forward,
    scale: f64,
    /// Log of the probability of everything that begins so.
    whole: f64,
}

/// A sub-word that the sound allows.
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// The sub-word.
    pub token: u32,
    /// Log of (what begins with the prefix and the sub-word / what begins with the prefix).
    pub share: f64,
}

impl Prefix {
    /// No letters yet.
    #[must_use]
    pub fn new(sound: Rc<Letters>) -> Self {
        let mut rest = Vec::with_capacity(sound.len() + 1);
        rest.push(1.0);
        for frame in &sound.values {
            rest.push(rest.last().copied().unwrap_or(1.0) * frame[usize::from(BLANK)]);
        }
        let letter = vec![0.0; sound.len() + 1];
        Self { sound, last: None, forward: Forward { letter, rest }, scale: 0.0, whole: 0.0 }
    }

    /// Log-probability of everything that begins with these letters.
    #[must_use]
    pub fn whole(&self) -> f64 {
        self.whole
    }

    /// Log of the share that these letters are all there is.
    #[must_use]
    pub fn ends(&self) -> f64 {
        let last = self.sound.len();
        (self.forward.letter[last] + self.forward.rest[last]).ln() + self.scale - self.whole
    }

    /// The frames between which the next letters may lie.
    fn window(&self) -> (usize, usize) {
        let mass = |t: usize| self.forward.letter[t] + self.forward.rest[t];
        let largest = (0..=self.sound.len()).map(mass).fold(0.0, f64::max);
        let alive = |t: &usize| mass(*t) > FAINT * largest;
        let first = (0..=self.sound.len()).find(alive).unwrap_or(0);
        let last = (0..=self.sound.len()).rev().find(alive).unwrap_or(0);
        (first, (last + AHEAD).min(self.sound.len()))
    }

    /// Whether a space would be a second one, or the first of all.
    fn after_gap(&self) -> bool {
        matches!(self.last, None | Some(SPACE))
    }

    /// Every sub-word that is not given up. One without letters (a mark) stands at the end of a word: it has the share of a space or the end coming
    /// next.
    #[must_use]
    pub fn branches(&self, trie: &Trie) -> Vec<Branch> {
        let (start, stop) = self.window();
        let frames = &self.sound.values[start..stop];
        let root = Forward {
            letter: self.forward.letter[start..=stop].to_vec(),
            rest: self.forward.rest[start..=stop].to_vec(),
        };
        let base = self.whole - self.scale;
        let mut found = Vec::new();
        // Depth first; a node goes in with what its letters leave behind.
        let mut open = vec![(0, self.last, root.clone())];
        if self.after_gap() {
            // A leading space is not spoken again.
            let gap = trie.node(0).children[usize::from(SPACE)];
            if gap != 0 {
                open.push((gap, self.last, root));
            }
        } else {
            let space = self.longer(&[SPACE]).whole - self.whole;
            let share = (space.exp() + self.ends().exp()).ln();
            found.extend(trie.node(0).tokens.iter().map(|t| Branch { token: *t, share }));
        }
        while let Some((node, last, forward)) = open.pop() {
            for (class, child) in (0u8..).zip(trie.node(node).children) {
                if child == 0 || (node == 0 && class == SPACE && self.after_gap()) {
                    continue;
                }
                let (grown, mass) = extend(&forward, last, class, frames);
                let share = mass.ln() - base;
                if share > -BELOW {
                    let tokens = trie.node(child).tokens.iter();
                    found.extend(tokens.map(|t| Branch { token: *t, share }));
                    open.push((child, Some(class), grown));
                }
            }
        }
        found
    }

    /// These letters and then `letters`.
    #[must_use]
    pub fn longer(&self, letters: &[u8]) -> Self {
        let mut out = self.clone();
        for class in letters {
            if *class == SPACE && out.after_gap() {
                continue;
            }
            let (mut grown, mass) = extend(&out.forward, out.last, *class, &out.sound.values);
            let largest = grown.letter.iter().zip(&grown.rest).map(|(a, b)| a + b).fold(0.0, f64::max);
            let largest = if largest > 0.0 { largest } else { 1.0 };
            grown.letter.iter_mut().chain(&mut grown.rest).for_each(|v| *v /= largest);
            out.whole = mass.ln() + out.scale;
            out.scale += largest.ln();
            out.forward = grown;
            out.last = Some(*class);
        }
        out
    }
}

/// One letter more: what it leaves behind, and the mass of everything that begins so.
fn extend(before: &Forward, last: Option<u8>, class: u8, frames: &[[f64; CLASSES]]) -> (Forward, f64) {
    let mut letter = vec![0.0; frames.len() + 1];
    let mut rest = vec![0.0; frames.len() + 1];
    let (mut spoken, mut silent, mut mass) = (0.0, 0.0, 0.0);
    let repeated = last == Some(class);
    for (t, frame) in frames.iter().enumerate() {
        // The same letter twice needs a blank between.
        let entering = before.rest[t] + if repeated { 0.0 } else { before.letter[t] };
        let emit = frame[usize::from(class)];
        let was = spoken;
        spoken = (was + entering) * emit;
        silent = (silent + was) * frame[usize::from(BLANK)];
        mass += entering * emit;
        letter[t + 1] = spoken;
        rest[t + 1] = silent;
    }
    (Forward { letter, rest }, mass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Blank, space, a, b: the classes that carry probability here.
    const CARRIED: [u8; 4] = [BLANK, SPACE, 2, 3];

    fn sound(frames: usize, seed: u32) -> Rc<Letters> {
        let mut state = seed;
        let mut logits = vec![-1e4f32; frames * CLASSES];
        for row in logits.chunks_exact_mut(CLASSES) {
            for class in CARRIED {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                row[usize::from(class)] = (state >> 8) as f32 / (1 << 22) as f32;
            }
        }
        Rc::new(Letters::from_logits(&logits))
    }

    /// Probability of each text, summed over all alignments.
    fn every_text(sound: &Letters) -> HashMap<Vec<u8>, f64> {
        let mut out = HashMap::new();
        for path in 0..4usize.pow(sound.len() as u32) {
            let (mut text, mut last, mut p, mut rest) = (Vec::new(), BLANK, 1.0, path);
            for t in 0..sound.len() {
                let class = CARRIED[rest % 4];
                rest /= 4;
                p *= sound.frame(t)[usize::from(class)];
                if class != last && class != BLANK {
                    text.push(class);
                }
                last = class;
            }
            *out.entry(text).or_insert(0.0) += p;
        }
        out
    }

    #[test]
    fn prefixes_equal_the_sum_over_alignments() {
        for seed in 0..4 {
            let sound = sound(6, seed);
            let texts = every_text(&sound);
            for letters in [&[2][..], &[2, 3], &[2, 2], &[3, SPACE, 2], &[2, 3, 3], &[2, SPACE, 3, 2]] {
                let prefix = Prefix::new(sound.clone()).longer(letters);
                let begins: f64 = texts.iter().filter(|(text, _)| text.starts_with(letters)).map(|(_, p)| p).sum();
                assert!((prefix.whole() - begins.ln()).abs() < 1e-9, "{letters:?}: begins");
                let ends = texts.get(letters).copied().unwrap_or(0.0);
                assert!(((prefix.ends() + prefix.whole()).exp() - ends).abs() < 1e-12, "{letters:?}: ends");
            }
        }
    }

    #[test]
    fn branches_equal_prefixes_made_letter_by_letter() {
        let texts: Vec<String> = ["a", "b", " a", "ab", " ba", "aa", ",", " ", "b a"].map(String::from).to_vec();
        let trie = Trie::of(&texts);
        for before in [&[][..], &[2], &[2, SPACE]] {
            let prefix = Prefix::new(sound(7, 9)).longer(before);
            let found = prefix.branches(&trie);
            // After a gap neither a mark nor another gap can follow.
            let expected = if prefix.after_gap() { texts.len() - 2 } else { texts.len() };
            assert_eq!(found.len(), expected, "after {before:?}");
            let boundary = (prefix.longer(&[SPACE]).whole() - prefix.whole()).exp() + prefix.ends().exp();
            for branch in found {
                let letters = trie.letters(branch.token).expect("spelled");
                let share =
                    if letters.is_empty() { boundary.ln() } else { prefix.longer(letters).whole() - prefix.whole() };
                assert!((share - branch.share).abs() < 1e-9, "{:?} after {before:?}", texts[branch.token as usize]);
            }
        }
    }

    #[test]
    fn a_first_reading_merges_repeats() {
        let mut logits = vec![0.0f32; 7 * CLASSES];
        for (t, class) in [9usize, 9, 0, 10, 1, 2, 2].into_iter().enumerate() {
            logits[t * CLASSES + class] = 5.0;
        }
        assert_eq!(Letters::from_logits(&logits).read_off(), "hi a");
    }
}
