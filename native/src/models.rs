//! The model's files from disk: pinned ones where `cargo xtask models` keeps them, our own from `models/zipper-en`.

use anyhow::{Context, Result};
use clap::Args;
use std::path::{Path, PathBuf};
use zipper::gpu::{Gpu, Open};
use zipper::tasks::generate::Writer;
use zipper::tasks::transcribe::{EarFiles, Ears};
use zipper::tasks::zipped::{ZipFiles, Zipped};
use zipper::towers::text::Loader;
use zipper::vocoder::Voice;
use zipper::weights::safetensors::Tensors;

/// Bytes of the text tower that are handed over at once.
const PIECE: usize = 16 << 20;

/// Where the files are.
#[derive(Args)]
pub struct Places {
    /// Our own weights
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/zipper-en"))]
    model: PathBuf,
    /// The pinned downloads; without it $ZIPPER_DATA/models, or .cache/zipper/models at home
    #[arg(long)]
    pinned: Option<PathBuf>,
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read: run `cargo xtask models` first", path.display()))
}

impl Places {
    fn pinned(&self, file: &str) -> Result<Vec<u8>> {
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/zipper");
        let data = || std::env::var_os("ZIPPER_DATA").map_or_else(home, PathBuf::from).join("models");
        read(&self.pinned.clone().unwrap_or_else(data).join(file))
    }

    fn tensors(&self, name: &str) -> Result<Tensors> {
        let file = format!("{name}.safetensors");
        Ok(Tensors::read(&file, &read(&self.model.join(&file))?)?)
    }

    fn text(&self, file: &str) -> Result<String> {
        Ok(String::from_utf8(read(&self.model.join(file))?)?)
    }

    /// Both towers, zipped.
    pub async fn towers(&self) -> Result<(Gpu, Writer, Zipped)> {
        let gpu = Gpu::open(Open::default()).await?;
        let mut loader = Loader::new(&gpu);
        for piece in self.pinned("smollm2-135m-instruct-q4_1.gguf")?.chunks(PIECE) {
            loader.push(piece).await?;
        }
        let writer = Writer::new(&gpu, loader.finish()?);
        let files = ZipFiles {
            config: &self.text("config.json")?,
            speech_tower: &self.tensors("speech_tower")?,
            zip: &self.tensors("zip")?,
        };
        let zipped = Zipped::new(&gpu, &writer, &files)?;
        Ok((gpu, writer, zipped))
    }

    /// What hearing needs beside the towers.
    pub fn ears(&self, gpu: &Gpu, writer: &Writer, zipped: &Zipped) -> Result<Ears> {
        let encoder = Tensors::read("encoder", &self.pinned("whisper-base-encoder.safetensors")?)?;
        let (quantizer, speller) = (self.tensors("quantizer")?, self.tensors("speller")?);
        let files = EarFiles { encoder: &encoder, quantizer: &quantizer, speller: &speller };
        Ok(Ears::new(gpu, writer, zipped, &files)?)
    }

    /// The voices.
    pub fn voice(&self, gpu: &Gpu) -> Result<Voice> {
        Ok(Voice::new(gpu, &self.text("voice.json")?, &self.tensors("voice")?)?)
    }
}
