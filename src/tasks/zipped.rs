//! The towers, zipped: what hearing and speaking share beside the text tower.

use super::generate::Writer;
use crate::decode::{Guide, Sequence};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::sample::Sampler;
use crate::model::ModelConfig;
use crate::towers::Workspace;
use crate::towers::speech::{CONTEXT, SpeechTower};
use crate::weights::safetensors::Tensors;
use crate::zip::{Ends, Memories, Projection, Watch, Zip};
use serde::Serialize;

/// The towers' numbers in the zip: as the config lists them.
pub const TEXT: usize = 0;
/// The speech tower's number.
pub const SPEECH: usize = 1;

/// Speech tower and links, ready to work with the text tower.
pub struct Zipped {
    pub(super) gpu: Gpu,
    /// Every number.
    pub config: ModelConfig,
    pub(super) speech: SpeechTower,
    pub(super) projection: Projection,
    pub(super) zip: Zip,
    pub(super) work: Workspace,
    pub(super) sampler: Sampler,
    pub(super) sequence: Sequence,
    /// The speech tower alone, beside the one that speaks.
    pub(super) guide: Option<Guide>,
    pub(super) memories: Memories,
    /// Of speech over text, if a link leads there.
    pub(super) watch: Option<Watch>,
}

/// The files that make a [`Zipped`].
pub struct ZipFiles<'a> {
    /// `config.json`
    pub config: &'a str,
    /// `speech_tower.safetensors`
    pub speech_tower: &'a Tensors,
    /// `zip.safetensors`
    pub zip: &'a Tensors,
}

impl Zipped {
    /// Puts everything on the device.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if a file does not fit the config.
    pub fn new(gpu: &Gpu, writer: &Writer, files: &ZipFiles<'_>) -> Result<Self> {
        let config = ModelConfig::read(files.config)?;
        let speech = SpeechTower::new(gpu, config.speech.clone(), files.speech_tower)?;
        let text_width = writer.text_tower().tower.config.block.width;
        let width = speech.tower.config.block.width;
        let towers = [Ends { name: "text", width: text_width }, Ends { name: "speech", width }];
        let zip = Zip::load(gpu, &towers, &config.links, files.zip)?;
        let sequence = speech.tower.sequence(gpu);
        let weight = config.speak.guidance;
        Ok(Self {
            guide: (weight > 0.0).then(|| Guide::new(gpu, &speech.tower, &sequence, weight)),
            gpu: gpu.clone(),
            projection: Projection::load(gpu, SPEECH, width, files.zip)?,
            work: speech.tower.workspace(gpu, CONTEXT),
            sampler: Sampler::new(gpu, config.speech.vocabulary),
            sequence,
            memories: zip.memories(gpu, CONTEXT, CONTEXT),
            watch: Watch::new(gpu, &zip, SPEECH, CONTEXT, CONTEXT),
            speech,
            zip,
            config,
        })
    }

    /// The speech tower.
    #[must_use]
    pub fn speech_tower(&self) -> &SpeechTower {
        &self.speech
    }

    /// What the parts hold after a task, for tests against recorded tensors.
    #[must_use]
    pub fn parts(&self) -> (&Workspace, &Memories) {
        (&self.work, &self.memories)
    }
}

/// What the link watched attends to: how much each step of the target tower looks at each position of the source tower.
#[derive(Clone, Debug, Serialize)]
pub struct Attention {
    /// What each row wrote.
    pub rows: Vec<String>,
    /// Positions of the source tower.
    pub columns: usize,
    /// `[rows, columns]`; 255 is the row's largest.
    pub weights: Vec<u8>,
}

impl Attention {
    /// Of rows of weights; the first `skipped` positions of each are marks and left out.
    pub(super) fn of<'a>(rows: Vec<String>, weights: impl Iterator<Item = &'a [f32]>, skipped: usize) -> Self {
        let mut out = Self { rows, columns: 0, weights: Vec::new() };
        for row in weights {
            let row = &row[skipped.min(row.len())..];
            let largest = row.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            out.columns = row.len();
            out.weights.extend(row.iter().map(|w| (255.0 * w / largest).round() as u8));
        }
        out
    }
}
