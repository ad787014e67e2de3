//! Write: the text tower alone continues a prompt or answers it.

use crate::clock::now_ms;
use crate::decode::{Options, Runner, Sequence, Stop, decode};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::sample::{Controls, Sampler};
use crate::tokens::{TextStream, TextTokenizer};
use crate::towers::Workspace;
use crate::towers::text::TextTower;
use serde::{Deserialize, Serialize};

/// Rows that one prefill plan processes at most.
const PREFILL_ROWS: usize = 128;

/// Steps to keep in flight: a software adapter has no latency worth hiding.
pub(super) fn in_flight(gpu: &Gpu) -> usize {
    if gpu.report().software { 2 } else { 4 }
}

/// What the caller may choose.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct GenerateOptions {
    /// At most so many tokens.
    pub max_tokens: usize,
    /// 0 takes the likeliest token, 1 draws from the model's own distribution.
    pub temperature: f32,
    /// Only the so many likeliest tokens may be drawn (1 to 128).
    pub top_k: u32,
    /// Only the likeliest tokens that together have this probability may be drawn.
    pub top_p: f32,
    /// The same seed draws the same tokens.
    pub seed: u64,
    /// The prompt is a turn of a conversation rather than a text to go on with.
    pub chat: bool,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self { max_tokens: 128, temperature: 0.0, top_k: 40, top_p: 0.95, seed: 0, chat: false }
    }
}

impl GenerateOptions {
    fn controls(&self, end: u32) -> Result<Controls> {
        let bad = |name, found: String, expected| Err(Error::Option { name, found, expected });
        if !(0.0..=2.0).contains(&self.temperature) {
            return bad("temperature", self.temperature.to_string(), "0 to 2");
        }
        if !(1..=128).contains(&self.top_k) {
            return bad("top_k", self.top_k.to_string(), "1 to 128");
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return bad("top_p", self.top_p.to_string(), "above 0, at most 1");
        }
        Ok(Controls {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            seed: self.seed,
            end_token: Some(end),
            ..Controls::default()
        })
    }
}

/// What happens while text is written.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum GenerateEvent {
    /// A token was drawn.
    Token {
        /// Its id.
        id: u32,
        /// The text that became certain with it.
        text: String,
        /// Its number.
        index: usize,
    },
}

/// Milliseconds by stage.
#[derive(Clone, Debug, Serialize)]
pub struct Timings {
    /// Text to tokens.
    pub tokenize_ms: f64,
    /// Until the first token.
    pub prefill_ms: f64,
    /// All further tokens.
    pub decode_ms: f64,
    /// Everything.
    pub total_ms: f64,
}

/// The finished text.
#[derive(Clone, Debug, Serialize)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// Its tokens.
    pub token_ids: Vec<u32>,
    /// Length of the prompt.
    pub prompt_tokens: usize,
    /// Why it ended.
    pub stop: Stop,
    /// Tokens after the first a second.
    pub tokens_per_second: f64,
    /// Where the time went.
    pub timings: Timings,
}

/// A text tower ready to write.
pub struct Writer {
    pub(super) gpu: Gpu,
    pub(super) tower: TextTower,
    pub(super) work: Workspace,
    pub(super) sampler: Sampler,
    pub(super) sequence: Sequence,
}

impl Writer {
    /// Prepares `tower`.
    #[must_use]
    pub fn new(gpu: &Gpu, tower: TextTower) -> Self {
        let work = tower.tower.workspace(gpu, PREFILL_ROWS);
        let sampler = Sampler::new(gpu, tower.tower.config.vocabulary);
        let sequence = tower.tower.sequence(gpu);
        Self { gpu: gpu.clone(), tower, work, sampler, sequence }
    }

    /// The text tower.
    #[must_use]
    pub fn text_tower(&self) -> &TextTower {
        &self.tower
    }

    /// Continues `prompt`.
    ///
    /// # Errors
    /// [`Error::PromptEmpty`], [`Error::PromptTooLong`], [`Error::Option`], and what the device reports.
    pub async fn generate(
        &mut self,
        prompt: &str,
        options: &GenerateOptions,
        cancelled: &dyn Fn() -> bool,
        on_event: &mut dyn FnMut(GenerateEvent) -> Result<()>,
    ) -> Result<Generated> {
        let started = now_ms();
        if prompt.trim().is_empty() {
            return Err(Error::PromptEmpty);
        }
        let tokenizer = &self.tower.tokenizer;
        let prompt = if options.chat { TextTokenizer::chat(prompt) } else { prompt.to_owned() };
        let ids = tokenizer.encode(&prompt)?;
        let tokenize_ms = now_ms() - started;
        let runner =
            Runner { gpu: &self.gpu, tower: &self.tower.tower, work: &self.work, sampler: &self.sampler, guide: None };
        let decoding = Options {
            max_tokens: options.max_tokens,
            controls: options.controls(tokenizer.end())?,
            in_flight: in_flight(&self.gpu),
        };
        let mut stream = TextStream::default();
        let generation =
            decode(&runner, &mut self.sequence, &ids, &decoding, &mut |_, _| {}, cancelled, &mut async |token| {
                let text = stream.push(tokenizer, token.id)?;
                on_event(GenerateEvent::Token { id: token.id, text, index: token.index })
            })
            .await?;
        let steps = generation.ids.len().saturating_sub(1) as f64;
        Ok(Generated {
            text: tokenizer.decode(&generation.ids)?,
            prompt_tokens: ids.len(),
            stop: generation.stop,
            tokens_per_second: if generation.decode_ms > 0.0 { steps * 1e3 / generation.decode_ms } else { 0.0 },
            timings: Timings {
                tokenize_ms,
                prefill_ms: generation.prefill_ms,
                decode_ms: generation.decode_ms,
                total_ms: now_ms() - started,
            },
            token_ids: generation.ids,
        })
    }
}
