//! A voice at work: tokens come in as they are drawn, samples go out as soon as nothing later can change them.

use super::acoustic::{Acoustic, STRIDE, hertz};
use super::decoder::{Decoder, OUTPUTS};
use super::istft::Istft;
use super::synthesis::Synthesis;
use super::{MOST_TOKENS, frames};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, PlanBuilder};
use crate::weights::safetensors::Tensors;
use serde::{Deserialize, Serialize};

/// Tokens on both sides that can change a frame: 12 by the slow blocks, 11 by what follows at 80 Hz (6 + 27 frames and a window).
const MARGIN: usize = 24;
/// Pieces begin at multiples of so many tokens: there tokens and frames meet.
const BEAT: usize = 5;
/// Tokens of a piece, but the first.
const PIECE: usize = 60;
/// Tokens of the first piece: it should be heard soon.
const FIRST_PIECE: usize = 15;

/// A voice, as a person chooses it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VoiceInfo {
    /// By which it is asked for.
    pub name: String,
    /// For people.
    pub label: String,
    /// `female` or `male`
    pub gender: String,
    /// `American` or `British`
    pub accent: String,
}

#[derive(Deserialize)]
struct VoiceConfig {
    voices: Vec<VoiceInfo>,
}

/// All voices: they share all but a few norms.
pub struct Voice {
    acoustic: Acoustic,
    decoder: Decoder,
    /// The synthesis on the device; without it, it runs on the host.
    pub istft: Option<Istft>,
    /// By number.
    pub voices: Vec<VoiceInfo>,
}

impl Voice {
    /// From `voice.json` and `voice.safetensors`.
    ///
    /// # Errors
    /// [`Error::Format`] if they do not fit.
    pub fn new(gpu: &Gpu, config: &str, tensors: &Tensors) -> Result<Self> {
        let config: VoiceConfig =
            serde_json::from_str(config).map_err(|e| Error::format("voice.json", e.to_string()))?;
        let count = config.voices.len();
        Ok(Self {
            acoustic: Acoustic::new(gpu, tensors, count)?,
            decoder: Decoder::new(gpu, tensors, count)?,
            // A processor that pretends to be a graphics processor is better at the fast transform than at products.
            istft: (!gpu.report().software).then(|| Istft::new(gpu)),
            voices: config.voices,
        })
    }

    /// The number of the voice called `name`.
    ///
    /// # Errors
    /// [`Error::Option`] if there is none.
    pub fn number(&self, name: &str) -> Result<usize> {
        let found = self.voices.iter().position(|v| v.name == name);
        found.ok_or_else(|| Error::Option { name: "voice", found: name.into(), expected: "a name that voices() lists" })
    }

    /// Acoustic rows of `codes` (1 to [`MOST_TOKENS`]), [`STRIDE`] apart.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn acoustic(&self, gpu: &Gpu, codes: &[u32], voice: usize) -> Result<Vec<f32>> {
        gpu.guarded("the acoustic decoder", || {
            let mut plan = PlanBuilder::new(gpu);
            self.acoustic.record(gpu, &mut plan, codes, voice);
            plan.finish().submit(gpu);
        })
        .await?;
        gpu.read(&self.acoustic.output, 0, frames(codes.len()) * STRIDE).await
    }

    /// Spectrum parts `[to − from, 5, 601]` of the frames `from..to` of acoustic rows.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn parts(&self, gpu: &Gpu, acoustic: &[f32], voice: usize, from: usize, to: usize) -> Result<Vec<f32>> {
        self.decode(gpu, acoustic, voice).await?;
        gpu.read(&self.decoder.parts, from * OUTPUTS, (to - from) * OUTPUTS).await
    }

    /// Leaves the spectrum parts of acoustic rows on the device.
    async fn decode(&self, gpu: &Gpu, acoustic: &[f32], voice: usize) -> Result<()> {
        gpu.guarded("the voice's decoder", || {
            let mut plan = PlanBuilder::new(gpu);
            self.decoder.record(gpu, &mut plan, acoustic, voice);
            plan.finish().submit(gpu);
        })
        .await
    }

    /// Samples of whole `codes`.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn vocode(&self, gpu: &Gpu, codes: &[u32], voice: usize, seed: u32) -> Result<Vec<f32>> {
        let mut speech = Speech::new(voice, seed);
        speech.codes.extend_from_slice(codes);
        let mut samples = Vec::new();
        while let Some(more) = speech.next(gpu, self, true).await? {
            samples.extend(more);
        }
        Ok(samples)
    }
}

/// One utterance under way.
pub struct Speech {
    voice: usize,
    synthesis: Synthesis,
    /// Tokens so far; more may be added at the end.
    pub codes: Vec<u32>,
    /// Tokens whose frames went into the sound.
    spoken: usize,
    given: usize,
    ended: bool,
}

impl Speech {
    /// Nothing said yet.
    #[must_use]
    pub fn new(voice: usize, seed: u32) -> Self {
        Self { voice, synthesis: Synthesis::new(seed), codes: Vec::new(), spoken: 0, given: 0, ended: false }
    }

    /// Samples handed out so far.
    #[must_use]
    pub fn given(&self) -> usize {
        self.given
    }

    /// Whether enough tokens are there for another piece, although more may follow.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.codes.len() >= self.spoken + self.piece() + MARGIN
    }

    fn piece(&self) -> usize {
        if self.spoken == 0 { FIRST_PIECE } else { PIECE }
    }

    /// The samples of the next piece, or `None` where there is nothing (yet). `complete`: no more tokens follow.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn next(&mut self, gpu: &Gpu, voice: &Voice, complete: bool) -> Result<Option<Vec<f32>>> {
        if self.ended || self.codes.is_empty() || !(complete || self.is_ready()) {
            return Ok(None);
        }
        // All that is left, where that fits into one piece.
        let left = self.codes.len() - self.spoken;
        let last = complete && left <= MOST_TOKENS - MARGIN - BEAT;
        let to = if last { self.codes.len() } else { self.spoken + self.piece() };
        let begin = self.spoken.saturating_sub(MARGIN) / BEAT * BEAT;
        let end = (to + MARGIN).min(self.codes.len());
        let acoustic = voice.acoustic(gpu, &self.codes[begin..end], self.voice).await?;
        // Frames of this piece within the window.
        let (first, offset) = (self.synthesis.made(), frames(begin));
        let total = frames(to);
        let pitch: Vec<f32> = acoustic.chunks_exact(STRIDE).map(hertz).collect();
        let until = if last { total } else { total + Synthesis::AHEAD };
        let pitch = &pitch[first.saturating_sub(1) - offset..until - offset];
        let mut samples = if let Some(istft) = &voice.istft {
            voice.decode(gpu, &acoustic, self.voice).await?;
            let pulses = self.synthesis.pulses(pitch, total - first, last);
            let seed = self.synthesis.seed();
            let sum = istft.run(gpu, &pulses, &voice.decoder.parts, first - offset, first, seed).await?;
            self.synthesis.overlap(&sum, total - first, last)
        } else {
            let parts = voice.parts(gpu, &acoustic, self.voice, first - offset, total - offset).await?;
            self.synthesis.add(&parts, pitch, last)
        };
        self.spoken = to;
        self.ended = last;
        if last {
            // Frames are rounded up; the sound is as long as its tokens.
            samples.truncate((to * super::SAMPLES_PER_TOKEN).saturating_sub(self.given));
        }
        self.given += samples.len();
        Ok(Some(samples))
    }
}
