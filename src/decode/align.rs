//! When each word was said: the likeliest way through the frames that spells the text (Viterbi over the letters of CTC, Graves 2006).

use super::ctc::Letters;
use super::spelling::{BLANK, SPACE, spelling};
use serde::Serialize;

/// Seconds a frame of letters: two a speech token.
const FRAME: f64 = 0.02;
/// A letter shows in a frame or two, not as long as it sounds: a word lasts until the next letter, at most so many frames longer.
const LINGER: usize = 5;

/// A word and its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    /// As it is written, marks included.
    pub word: String,
    /// Seconds from the beginning of the sound.
    pub start: f64,
    /// Seconds from the beginning of the sound.
    pub end: f64,
}

/// The times of the words of `text`, which are what stands between white space, or `None` if the sound is too short to hold its letters.
/// A word without letters (a dash) takes no time.
#[must_use]
pub fn align(text: &str, letters: &Letters) -> Option<Vec<Word>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (classes, owners) = spelled(&words);
    let path = best_path(&classes, letters)?;
    // First frame and the one after the last, of each letter; the path visits them all in order.
    let mut spans = vec![(usize::MAX, 0); classes.len()];
    for (frame, letter) in path.iter().enumerate() {
        if let Some(letter) = letter {
            let (first, after) = &mut spans[*letter];
            *first = (*first).min(frame);
            *after = frame + 1;
        }
    }
    let next = |letter: usize| spans.get(letter + 1).map_or(letters.len(), |s| s.0);
    let mut last = 0;
    let timed = words.iter().enumerate().map(|(number, word)| {
        let mine = |owner: &Option<usize>| *owner == Some(number);
        let (from, to) = match (owners.iter().position(mine), owners.iter().rposition(mine)) {
            (Some(first), Some(final_letter)) => {
                let end = spans[final_letter].1;
                (spans[first].0, next(final_letter).min(end + LINGER).max(end))
            }
            _ => (last, last),
        };
        last = to;
        Word { word: (*word).to_owned(), start: from as f64 * FRAME, end: to as f64 * FRAME }
    });
    Some(timed.collect())
}

/// The classes of all letters, spaces between words, and the number of the word that each belongs to.
fn spelled(words: &[&str]) -> (Vec<u8>, Vec<Option<usize>>) {
    let (mut classes, mut owners) = (Vec::new(), Vec::new());
    for (number, word) in words.iter().enumerate() {
        let letters = spelling(word).unwrap_or_default();
        for class in std::iter::once(SPACE).chain(letters) {
            // No space first of all, none twice.
            if class != SPACE || classes.last().is_some_and(|last| *last != SPACE) {
                classes.push(class);
                owners.push((class != SPACE).then_some(number));
            }
        }
    }
    if classes.last() == Some(&SPACE) {
        classes.pop();
        owners.pop();
    }
    (classes, owners)
}

/// For each frame the number of the letter that it says, or `None` for a blank, on the likeliest path that spells `classes`.
fn best_path(classes: &[u8], letters: &Letters) -> Option<Vec<Option<usize>>> {
    // Blanks stand between and around letters: state 2i + 1 is letter i.
    let states = 2 * classes.len() + 1;
    let label = |state: usize| if state % 2 == 1 { classes[state / 2] } else { BLANK };
    let mut score = vec![f64::NEG_INFINITY; states];
    let mut steps: Vec<u8> = Vec::with_capacity(states * letters.len());
    for frame in 0..letters.len() {
        let logs = letters.frame(frame).map(f64::ln);
        let before = score.clone();
        for state in 0..states {
            // A blank may be passed over, except between two of the same letter.
            let skips = state % 2 == 1 && state >= 3 && label(state) != label(state - 2);
            let (mut best, mut step) = (before[state], 0);
            if frame == 0 {
                best = if state < 2 { 0.0 } else { f64::NEG_INFINITY };
            } else {
                for back in 1..=if skips { 2 } else { state.min(1) } {
                    if before[state - back] > best {
                        (best, step) = (before[state - back], back as u8);
                    }
                }
            }
            score[state] = best + logs[usize::from(label(state))];
            steps.push(step);
        }
    }
    let mut state = states - 1;
    if state > 0 && score[state - 1] > score[state] {
        state -= 1;
    }
    if letters.is_empty() || score[state] == f64::NEG_INFINITY {
        return None;
    }
    let mut path = vec![None; letters.len()];
    for frame in (0..letters.len()).rev() {
        path[frame] = (state % 2 == 1).then_some(state / 2);
        state -= usize::from(steps[frame * states + state]);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::spelling::CLASSES;

    /// Frames that say these classes, one each, with some doubt.
    fn says(classes: &[u8]) -> Letters {
        let mut logits = vec![0.0f32; classes.len() * CLASSES];
        for (row, class) in logits.chunks_exact_mut(CLASSES).zip(classes) {
            row[usize::from(*class)] = 8.0;
        }
        Letters::from_logits(&logits)
    }

    fn close(word: &Word, start: f64, end: f64) {
        assert!((word.start - start).abs() < 1e-9 && (word.end - end).abs() < 1e-9, "{word:?}, not {start} to {end}");
    }

    #[test]
    fn words_lie_where_their_letters_are() {
        let (h, i, b, e) = (9, 10, 3, 6);
        let silence = [BLANK; 10];
        let sound: Vec<u8> = [&silence[..], &[h, h, 0, i], &silence, &[SPACE], &[b, 0, e, 0, e], &silence]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let words = align("Hi, bee!", &says(&sound)).expect("long enough");
        assert_eq!(words.iter().map(|w| w.word.as_str()).collect::<Vec<_>>(), ["Hi,", "bee!"]);
        close(&words[0], 0.20, 0.38);
        close(&words[1], 0.50, 0.70);
    }

    #[test]
    fn a_word_without_letters_takes_no_time() {
        let sound = [0, 9, 10, 0, SPACE, 0, 3, 6, 0];
        let words = align("hi — be", &says(&sound)).expect("long enough");
        assert_eq!(words.len(), 3);
        close(&words[1], words[0].end, words[0].end);
        close(&words[2], 0.12, 0.18);
        assert_eq!(align("", &says(&sound)), Some(vec![]));
        assert_eq!(align("…", &says(&sound)).map(|w| w.len()), Some(1));
    }

    #[test]
    fn what_cannot_be_held_is_not_aligned() {
        assert_eq!(align("hello", &says(&[9, 6, 13, 13])), None);
        assert_eq!(align("bee", &says(&[3, 6, 6])), None, "the same letter twice needs a blank between");
        assert_eq!(align("a", &Letters::from_logits(&[])), None);
    }

    #[test]
    fn the_path_is_the_likeliest_of_all() {
        let mut state = 7u32;
        for classes in [&[2][..], &[2, 3], &[2, 2], &[3, SPACE, 2], &[2, 3, 3]] {
            let carried = [BLANK, SPACE, 2, 3];
            let mut logits = vec![-1e4f32; 6 * CLASSES];
            for row in logits.chunks_exact_mut(CLASSES) {
                for class in carried {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    row[usize::from(class)] = (state >> 8) as f32 / (1 << 22) as f32;
                }
            }
            let letters = Letters::from_logits(&logits);
            let p = |frames: &[u8]| {
                frames.iter().enumerate().map(|(t, c)| letters.frame(t)[usize::from(*c)]).product::<f64>()
            };
            let text = |frames: &[u8]| {
                let mut out = frames.to_vec();
                out.dedup();
                out.retain(|c| *c != BLANK);
                out
            };
            let every = (0..4usize.pow(6)).map(|n| (0..6).map(|t| carried[n >> (2 * t) & 3]).collect::<Vec<u8>>());
            let best = every.filter(|frames| text(frames) == classes).map(|frames| p(&frames)).fold(0.0, f64::max);
            let path = best_path(classes, &letters).expect("long enough");
            let frames: Vec<u8> = path.iter().map(|l| l.map_or(BLANK, |l| classes[l])).collect();
            assert_eq!(text(&frames), classes);
            assert!((p(&frames) - best).abs() < 1e-12 * best.max(1e-9), "{classes:?}");
        }
    }
}
