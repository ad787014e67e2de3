//! Speak: text becomes speech tokens through the zip. The text tower reads the spelled text once, up to the last layer that
//! a link reads; then each step runs the speech tower only, whose links read what the text tower left behind. The voice makes sound of the
//! tokens, piece by piece.

use super::generate::{Writer, in_flight};
use super::zipped::{Attention, SPEECH, TEXT, Zipped};
use crate::clock::now_ms;
use crate::decode::{Generation, Options, Runner, Stop, Token, decode};
use crate::error::{Error, Result};
use crate::gpu::{PlanBuilder, storage_from};
use crate::kernels::sample::Controls;
use crate::tokens::speech::CODES;
use crate::vocoder::{RATE, Speech, Voice};
use serde::{Deserialize, Serialize};

/// How a text is spoken. What is left out comes from the model's config.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SayOptions {
    /// By name; the first one if none is given.
    pub voice: Option<String>,
    /// The same seed says a text the same way.
    pub seed: u64,
    /// How freely speech tokens are drawn; 0: always the likeliest.
    pub temperature: Option<f32>,
    /// Also tell what each speech token attends to.
    pub attention: bool,
}

/// Milliseconds by stage.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SayTimings {
    /// Text to speech tokens.
    pub tokens_ms: f64,
    /// Speech tokens to sound.
    pub voice_ms: f64,
    /// Until the first samples were there.
    pub first_sound_ms: f64,
    /// Everything.
    pub total_ms: f64,
}

/// What was said.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// The speech tokens.
    pub codes: Vec<u32>,
    /// What each token attended to in the spelled text (and, last, in its end), if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Length of the sound that was handed out.
    pub seconds: f64,
    /// Work time over sound time.
    pub rtf: f64,
    /// Why it ended.
    pub stop: Stop,
    /// Where the time went.
    pub timings: SayTimings,
}

impl Zipped {
    /// Says `text` (a sentence or part of one, spelled out; see [`Zipped::speak_tokens`] for its length). `on_audio` gets the samples at 24 kHz, piece after piece.
    ///
    /// # Errors
    /// [`Error::PromptEmpty`], [`Error::PromptTooLong`], [`Error::Option`] for an unknown voice, and what the device reports.
    pub async fn say(
        &mut self,
        writer: &mut Writer,
        voice: &Voice,
        text: &str,
        options: &SayOptions,
        cancelled: &dyn Fn() -> bool,
        on_audio: &mut dyn FnMut(&[f32]) -> Result<()>,
    ) -> Result<Said> {
        let number = options.voice.as_deref().map_or(Ok(0), |name| voice.number(name))?;
        let started = now_ms();
        let mut timings = SayTimings::default();
        let config = &self.config.speak;
        let controls = Controls {
            temperature: options.temperature.unwrap_or(config.temperature),
            top_k: config.top_k,
            seed: options.seed,
            ..Controls::default()
        };
        let mut speech = Speech::new(number, options.seed as u32);
        let gpu = self.gpu.clone();
        let mut sounding = async |speech: &mut Speech, complete: bool| -> Result<bool> {
            let began = now_ms();
            let Some(samples) = speech.next(&gpu, voice, complete).await? else { return Ok(false) };
            let ended = now_ms();
            timings.voice_ms += ended - began;
            if timings.first_sound_ms == 0.0 {
                timings.first_sound_ms = ended - started;
            }
            on_audio(&samples)?;
            Ok(true)
        };
        // The voice speaks as soon as it has tokens enough, while the next ones are drawn.
        let mut on_token = async |token: Token| {
            speech.codes.push(token.id);
            if speech.is_ready() {
                sounding(&mut speech, false).await?;
            }
            Ok(())
        };
        let generation = self.draw_tokens(writer, text, &controls, options.attention, cancelled, &mut on_token).await?;
        let mut stop = generation.stop;
        while stop != Stop::Cancelled && sounding(&mut speech, true).await? {
            if cancelled() {
                stop = Stop::Cancelled;
            }
        }
        timings.total_ms = now_ms() - started;
        timings.tokens_ms = timings.total_ms - timings.voice_ms;
        let attention = match &self.watch {
            Some(watch) if options.attention && !speech.codes.is_empty() => {
                let weights = watch.read(&self.gpu, &self.memories, speech.codes.len()).await?;
                let columns = weights.len() / speech.codes.len();
                let rows = speech.codes.iter().map(ToString::to_string).collect();
                // The text stands between two marks; the last one stays, as the end.
                Some(Attention::of(rows, weights.chunks_exact(columns), 1))
            }
            _ => None,
        };
        let seconds = speech.given() as f64 / RATE as f64;
        let rtf = if seconds > 0.0 { timings.total_ms / 1e3 / seconds } else { 0.0 };
        Ok(Said { codes: speech.codes, attention, seconds, rtf, stop, timings })
    }

    /// Token ids of `text` as the zip wants it read aloud: one token a byte, between end marks.
    #[must_use]
    pub fn spell(&self, text: &str) -> Vec<u32> {
        let text_config = &self.config.text;
        let mark = std::iter::once(text_config.end);
        let bytes = text.bytes().filter_map(|b| text_config.spelling.get(usize::from(b)).copied());
        mark.clone().chain(bytes).chain(mark).collect()
    }

    /// Runs the text tower over spelled `ids`; the links that lead to the speech tower remember its states.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] if the text has more bytes than a workspace has rows; what the device reports.
    pub async fn read_aloud(&mut self, writer: &mut Writer, ids: &[u32]) -> Result<()> {
        let Writer { gpu, tower, work, sequence, .. } = writer;
        let count = ids.len();
        if count > work.rows.min(self.memories.capacity()) {
            return Err(Error::PromptTooLong { found: count, context: work.rows });
        }
        let zip = &self.zip;
        let layers = zip.links.iter().map(|l| l.spec.source).filter(|s| s.0 == TEXT).map(|s| s.1).max().unwrap_or(0);
        let ids = storage_from(gpu, "spelled text", ids);
        sequence.restart_at(gpu, 0);
        self.memories.hold(zip, SPEECH, 0);
        let (state, memories) = (sequence.state.clone(), &self.memories);
        gpu.guarded("the text tower", || {
            let mut plan = PlanBuilder::new(gpu);
            tower.tower.record_lower(&mut plan, work, sequence, (&ids, 0), count, layers, &mut |plan, layer| {
                zip.record(plan, TEXT, &layer, &state, memories);
            });
            plan.finish().submit(gpu);
        })
        .await?;
        self.memories.hold(zip, TEXT, count);
        Ok(())
    }

    /// Speech tokens for `text` (at most as many bytes as a workspace has rows, less two). `controls` says how tokens are
    /// drawn; marks and stop rule are set here.
    ///
    /// # Errors
    /// [`Error::PromptEmpty`], [`Error::PromptTooLong`], and what the device reports.
    pub async fn speak_tokens(
        &mut self,
        writer: &mut Writer,
        text: &str,
        controls: &Controls,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Generation> {
        self.draw_tokens(writer, text, controls, false, cancelled, &mut async |_| Ok(())).await
    }

    /// As [`Zipped::speak_tokens`]; `on_token` sees each token as it comes. `watched`: the speech watch sees what they attend to.
    async fn draw_tokens(
        &mut self,
        writer: &mut Writer,
        text: &str,
        controls: &Controls,
        watched: bool,
        cancelled: &dyn Fn() -> bool,
        on_token: &mut impl AsyncFnMut(Token) -> Result<()>,
    ) -> Result<Generation> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::PromptEmpty);
        }
        let ids = self.spell(text);
        self.read_aloud(writer, &ids).await?;
        let Self { gpu, speech, work, sequence, zip, memories, projection, sampler, guide, config, watch, .. } = self;
        let watch = watch.as_ref().filter(|_| watched);
        let runner = Runner { gpu, tower: &speech.tower, work, sampler, guide: guide.as_ref() };
        let bytes = text.len();
        let controls = Controls {
            end_token: Some(speech.config.end),
            // Beyond the end mark there are only spare rows; the start mark stands between codes and end mark.
            limit: Some(CODES as u32 + 2),
            banned: Some(speech.config.start),
            // Fewer tokens are faster than speech.
            min_tokens: (config.speak.min_tokens_a_byte * bytes) as u32,
            ..controls.clone()
        };
        let max_tokens = config.speak.max_tokens_base + config.speak.max_tokens_a_byte * bytes;
        let options = Options { max_tokens, controls, in_flight: in_flight(gpu) };
        let (state, start) = (sequence.state.clone(), speech.config.start);
        let mut between = |plan: &mut PlanBuilder<'_>, layer: crate::towers::Layer<'_>| {
            if layer.after == 0 {
                projection.record(plan, layer.x, &work.hidden, layer.count);
            }
            zip.record_watched(plan, SPEECH, &layer, &state, memories, watch);
        };
        decode(&runner, sequence, &[start], &options, &mut between, cancelled, on_token).await
    }
}
