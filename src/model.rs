//! `models/zipper-en/config.json`: every number that the zipped model needs. The contract is `docs/model.md`.

use crate::error::{Error, Result};
use crate::towers::speech::SpeechConfig;
use crate::zip::LinkConfig;
use serde::Deserialize;

/// The whole config.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelConfig {
    /// The model's name.
    pub model: String,
    /// Audio in front of the encoder.
    pub audio: AudioConfig,
    /// What the zip needs to know of the text tower.
    pub text: TextConfig,
    /// The speech tower.
    pub speech: SpeechConfig,
    /// All links.
    pub links: Vec<LinkConfig>,
    /// How listening chooses its words.
    pub listen: ListenConfig,
    /// How speaking draws its tokens, and when it stops.
    pub speak: SpeakConfig,
}

/// How speaking draws its tokens, and when it stops.
#[derive(Clone, Debug, Deserialize)]
pub struct SpeakConfig {
    /// How freely.
    pub temperature: f32,
    /// Among how many.
    pub top_k: u32,
    /// Weight of guidance by the speech tower alone; 0: none.
    pub guidance: f32,
    /// Tokens that even an empty text may take.
    pub max_tokens_base: usize,
    /// Tokens that each byte of text may add.
    pub max_tokens_a_byte: usize,
    /// Tokens that each byte of text takes at least.
    pub min_tokens_a_byte: usize,
}

/// How listening chooses its words.
#[derive(Clone, Debug, Deserialize)]
pub struct ListenConfig {
    /// Sub-words allowed beyond one a speech token.
    pub max_text_extra: usize,
    /// Weight of the letters in joint decoding, 0 to 1; 0: the zip alone, chosen on the device.
    pub ctc_weight: f64,
    /// Nats that a letter is worth there.
    pub letter_bonus: f64,
    /// Nats that a word costs which is not in the lexicon.
    pub word_charge: f64,
    /// Transcripts kept side by side.
    pub beam: usize,
    /// Nats under the best at which one of them is dropped.
    pub beam_margin: f64,
}

/// Constants between samples and tokens.
#[derive(Clone, Debug, Deserialize)]
pub struct AudioConfig {
    /// Silence after every clip.
    pub pad_seconds: f64,
    /// Samples (16 kHz) a speech token stands for.
    pub samples_per_token: usize,
    /// Longest clip.
    pub longest_seconds: f64,
}

/// The text tower's part of the joint task.
#[derive(Clone, Debug, Deserialize)]
pub struct TextConfig {
    /// Token before and after every transcript.
    pub end: u32,
    /// Token of each byte, for text that is to be spoken.
    pub spelling: Vec<u32>,
}

impl ModelConfig {
    /// Reads the JSON.
    ///
    /// # Errors
    /// [`Error::Format`] naming what is wrong.
    pub fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|e| Error::format("config.json", e.to_string()))
    }
}
