//! Hear: speech becomes text through the zip. The speech tower runs once over all tokens; then each step runs the text
//! tower only, whose links read what the speech tower left behind.

use super::generate::{Writer, in_flight};
use super::zipped::{Attention, SPEECH, TEXT, Zipped};
use crate::audio::{LogMel, RATE};
use crate::clock::now_ms;
use crate::decode::align::{Word, align};
use crate::decode::joint::{Hypothesis, Joint, Weights};
use crate::decode::lexicon::Lexicon;
use crate::decode::spelling::Trie;
use crate::decode::{Lanes, Options, Row, Runner, Sequence, Stop, decode, decode_beam};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, PlanBuilder, storage_from};
use crate::kernels::sample::Controls;
use crate::model::AudioConfig;
use crate::tokens::encoder::Encoder;
use crate::tokens::speech::Quantizer;
use crate::tokens::speller::Speller;
use crate::tokens::{TextStream, TextTokenizer, speech};
use crate::towers::Layer;
use crate::towers::speech::CONTEXT;
use crate::weights::safetensors::Tensors;
use crate::zip::Watch;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Sub-words that fit into a transcript: 29 s at seventeen a second, which nobody speaks.
const LANE_TOKENS: usize = 512;

/// What turns sound into what the zip reads, and its text into words.
pub struct Ears {
    gpu: Gpu,
    log_mel: LogMel,
    encoder: Encoder,
    quantizer: Quantizer,
    speller: Speller,
    trie: Trie,
    lexicon: Lexicon,
    lanes: Lanes,
    /// One a lane.
    watches: Vec<Watch>,
}

/// The files that make [`Ears`].
pub struct EarFiles<'a> {
    /// The pinned speech encoder.
    pub encoder: &'a Tensors,
    /// `quantizer.safetensors`
    pub quantizer: &'a Tensors,
    /// `speller.safetensors`, the lexicon in it
    pub speller: &'a Tensors,
}

/// Milliseconds by stage.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HearTimings {
    /// Samples to log-mel.
    pub log_mel_ms: f64,
    /// Log-mel to speech tokens.
    pub encode_ms: f64,
    /// Speech tower, and the links' keys and values.
    pub speech_tower_ms: f64,
    /// Text tower, all steps.
    pub decode_ms: f64,
    /// Everything.
    pub total_ms: f64,
}

/// What was heard in one segment.
#[derive(Clone, Debug, Serialize)]
pub struct Heard {
    /// The words.
    pub text: String,
    /// The words with their times from the beginning of the audio; none if the audio is too short to hold their letters.
    pub words: Vec<Word>,
    /// What the text attended to, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// The text's tokens.
    pub token_ids: Vec<u32>,
    /// The speech tokens.
    pub codes: Vec<u32>,
    /// Length of the audio.
    pub seconds: f64,
    /// Work time over audio time.
    pub rtf: f64,
    /// Why it ended.
    pub stop: Stop,
    /// Where the time went.
    pub timings: HearTimings,
}

/// How to listen.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HearOptions {
    /// Also tell what each sub-word attends to.
    pub attention: bool,
}

/// The text so far.
pub struct Partial<'a> {
    /// It may still change.
    pub text: &'a str,
    /// What its sub-words attended to, if that was asked for.
    pub attention: Option<&'a Attention>,
}

/// What a transcript attended to.
fn seen(tokenizer: &TextTokenizer, best: &Hypothesis) -> Result<Attention> {
    let rows = best.ids.iter().map(|id| tokenizer.decode(&[*id])).collect::<Result<Vec<_>>>()?;
    Ok(Attention::of(rows, best.beside.iter().map(AsRef::as_ref), 1))
}

impl Ears {
    /// Puts everything on the device.
    ///
    /// # Errors
    /// [`Error::Format`] if a file has not the expected shapes.
    pub fn new(gpu: &Gpu, writer: &Writer, zipped: &Zipped, files: &EarFiles<'_>) -> Result<Self> {
        let text = &writer.text_tower().tower;
        let another = || Sequence::new(gpu, text.kv_cache(gpu, LANE_TOKENS));
        let lanes = Lanes::new(gpu, zipped.config.listen.beam, text.config.vocabulary, &another);
        Ok(Self {
            gpu: gpu.clone(),
            log_mel: LogMel::new(),
            encoder: Encoder::new(gpu, files.encoder)?,
            quantizer: Quantizer::new(gpu, files.quantizer)?,
            speller: Speller::new(gpu, files.speller)?,
            trie: Trie::new(&writer.text_tower().tokenizer)?,
            lexicon: Lexicon::new(&files.speller.get("words")?.bytes)?,
            watches: (0..lanes.count()).filter_map(|_| Watch::new(gpu, &zipped.zip, TEXT, CONTEXT, 1)).collect(),
            lanes,
        })
    }

    /// Speech tokens of `samples` (16 kHz, -1 to 1) and their features, which stay on the device.
    ///
    /// # Errors
    /// [`Error::Option`] if the clip is empty or too long; what the device reports.
    pub async fn listen(&self, audio: &AudioConfig, samples: &[f32], timings: &mut HearTimings) -> Result<Vec<u32>> {
        let longest = (audio.longest_seconds * RATE as f64) as usize;
        if samples.is_empty() || samples.len() > longest {
            let found = format!("{:.1} s of audio", samples.len() as f64 / RATE as f64);
            return Err(Error::Option { name: "samples", found, expected: "more than none, at most 29 s" });
        }
        let started = now_ms();
        let per_token = audio.samples_per_token;
        let tokens = samples.len().div_ceil(per_token).clamp(1, speech::MOST_TOKENS);
        let mut padded = samples.to_vec();
        padded.resize(tokens * per_token + (audio.pad_seconds * RATE as f64) as usize, 0.0);
        let mel = self.log_mel.compute(&padded);
        timings.log_mel_ms += now_ms() - started;
        let started = now_ms();
        let gpu = &self.gpu;
        gpu.guarded("encoding", || -> Result<()> {
            let mut plan = PlanBuilder::new(gpu);
            let states = self.encoder.record(gpu, &mut plan, &mel)?;
            self.speller.record(&mut plan, states, tokens);
            self.quantizer.record(&mut plan, &self.speller.features, tokens);
            plan.finish().submit(gpu);
            Ok(())
        })
        .await??;
        let codes = self.quantizer.codes(gpu, tokens).await?;
        timings.encode_ms += now_ms() - started;
        Ok(codes)
    }

    /// Runs the speech tower over `codes` (whose features the speller still holds); the links remember its states.
    async fn remember(&self, zipped: &mut Zipped, codes: &[u32], timings: &mut HearTimings) -> Result<()> {
        let started = now_ms();
        let speller = &self.speller;
        let Zipped { gpu, speech, work, sequence, zip, memories, projection, .. } = zipped;
        let ids: Vec<u32> = std::iter::once(speech.config.start).chain(codes.iter().copied()).collect();
        let count = ids.len();
        let ids = storage_from(gpu, "speech tokens", &ids);
        sequence.restart_at(gpu, 0);
        memories.hold(zip, TEXT, 0);
        let state = sequence.state.clone();
        gpu.guarded("the speech tower", || {
            let mut plan = PlanBuilder::new(gpu);
            speech.tower.record(&mut plan, work, sequence, (&ids, 0), count, &mut |plan, layer| {
                if layer.after == 0 {
                    speech.record_features(plan, &speller.features, layer.x, 1, count - 1);
                    projection.record(plan, layer.x, &work.hidden, count);
                }
                zip.record(plan, SPEECH, &layer, &state, memories);
            });
            plan.finish().submit(gpu);
        })
        .await?;
        sequence.grew(count);
        memories.hold(zip, SPEECH, count);
        timings.speech_tower_ms += now_ms() - started;
        Ok(())
    }

    /// The words of `samples` (16 kHz, -1 to 1, at most 29 s). `on_progress` sees the text as it grows.
    ///
    /// # Errors
    /// [`Error::Option`] if the clip is empty or too long; what the device reports.
    pub async fn transcribe(
        &mut self,
        zipped: &mut Zipped,
        writer: &mut Writer,
        samples: &[f32],
        options: &HearOptions,
        cancelled: &dyn Fn() -> bool,
        on_progress: &mut dyn FnMut(&Partial<'_>) -> Result<()>,
    ) -> Result<Heard> {
        let started = now_ms();
        let mut timings = HearTimings::default();
        let codes = self.listen(&zipped.config.audio, samples, &mut timings).await?;
        self.remember(zipped, &codes, &mut timings).await?;
        let decoding = now_ms();
        let letters = Rc::new(self.speller.read_letters(&self.gpu, codes.len()).await?);
        on_progress(&Partial { text: &letters.read_off(), attention: None })?;
        let (end, weight) = (zipped.config.text.end, zipped.config.listen.ctc_weight);
        let Writer { gpu, tower, work, sampler, sequence } = writer;
        let runner = Runner { gpu, tower: &tower.tower, work, sampler, guide: None };
        // Nobody speaks 25 sub-words a second.
        let max_tokens = zipped.config.listen.max_text_extra + codes.len();
        let (zip, memories, tokenizer) = (&zipped.zip, &zipped.memories, &tower.tokenizer);
        let mut attention = None;
        let (ids, stop) = if weight > 0.0 {
            let listen = &zipped.config.listen;
            let weights = Weights {
                letters: weight,
                bonus: listen.letter_bonus,
                charge: listen.word_charge,
                beam: listen.beam,
                margin: listen.beam_margin,
            };
            let mut joint = Joint::new(&self.trie, &self.lexicon, letters.clone(), weights, end);
            let watches: &[Watch] = if options.attention { &self.watches } else { &[] };
            let mut between = |plan: &mut PlanBuilder<'_>, layer: Layer<'_>, lane: usize, state: &wgpu::Buffer| {
                zip.record_watched(plan, TEXT, &layer, state, memories, watches.get(lane));
            };
            let beside = |lane: usize| watches.get(lane).map(|w| w.request(gpu, memories, 1));
            let mut choose = |rows: Vec<Row>| {
                let next = joint.choose(rows)?;
                if let Some(best) = joint.best() {
                    let text = tokenizer.decode(&best.ids)?;
                    attention = (!watches.is_empty()).then(|| seen(tokenizer, best)).transpose()?;
                    on_progress(&Partial { text: text.trim(), attention: attention.as_ref() })?;
                }
                Ok(next)
            };
            let lanes = &mut self.lanes;
            let stop = decode_beam(
                &runner,
                sequence,
                lanes,
                &[end],
                max_tokens,
                &mut between,
                &beside,
                cancelled,
                &mut choose,
            )
            .await?;
            (joint.best().map(|best| best.ids.clone()).unwrap_or_default(), stop)
        } else {
            let state = sequence.state.clone();
            let mut between = |plan: &mut PlanBuilder<'_>, layer: Layer<'_>| {
                zip.record(plan, TEXT, &layer, &state, memories);
            };
            let mut stream = TextStream::default();
            let controls = Controls { end_token: Some(end), ..Controls::default() };
            let options = Options { max_tokens, controls, in_flight: in_flight(gpu) };
            let generation = decode(&runner, sequence, &[end], &options, &mut between, cancelled, &mut async |token| {
                stream.push(tokenizer, token.id)?;
                on_progress(&Partial { text: &stream.text(tokenizer)?, attention: None })
            })
            .await?;
            (generation.ids, generation.stop)
        };
        timings.decode_ms = now_ms() - decoding;
        timings.total_ms = now_ms() - started;
        let seconds = samples.len() as f64 / RATE as f64;
        let text = tokenizer.decode(&ids)?.trim().to_owned();
        Ok(Heard {
            words: align(&text, &letters).unwrap_or_default(),
            attention,
            text,
            token_ids: ids,
            codes,
            seconds,
            rtf: timings.total_ms / 1e3 / seconds,
            stop,
            timings,
        })
    }

    /// What the parts hold after [`Ears::transcribe`], for tests against recorded tensors.
    #[must_use]
    pub fn parts(&self) -> (&Encoder, &Speller, &LogMel) {
        (&self.encoder, &self.speller, &self.log_mel)
    }
}
