//! `zipper speak`.

use crate::audio;
use crate::models::Places;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use zipper::tasks::generate::Writer;
use zipper::tasks::speak::SayOptions;
use zipper::tasks::zipped::Zipped;
use zipper::text::{Piece, readable};
use zipper::vocoder::{RATE, Voice};

/// Silence behind a sentence, part of one, a paragraph: seconds (as `www/say.js`).
const SENTENCE: f64 = 0.25;
const PART: f64 = 0.08;
const PARAGRAPH: f64 = 0.5;

/// Options of `zipper speak`.
#[derive(Args)]
pub struct Options {
    /// The text
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    text: Option<String>,
    /// The voice's name; the first one if none is given
    #[arg(long)]
    voice: Option<String>,
    /// Where the sound goes
    #[arg(short, long, default_value = "out.wav")]
    output: PathBuf,
    /// A file with a text a line, instead of one text; empty lines are left out
    #[arg(long, requires = "out_dir")]
    lines: Option<PathBuf>,
    /// Where the sounds of --lines go: 0001.wav and so on, by the line's number
    #[arg(long)]
    out_dir: Option<PathBuf>,
    /// The same seed says a text the same way
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// How freely speech is drawn; 0 takes the likeliest
    #[arg(long)]
    temperature: Option<f32>,
    /// One JSON object a line: text, file, seconds, rtf, `first_sound_ms`, timings; or text, error, message
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: Places,
}

impl Options {
    /// Texts and files.
    fn jobs(&self) -> Result<Vec<(String, PathBuf)>> {
        let (Some(lines), Some(folder)) = (&self.lines, &self.out_dir) else {
            return Ok(vec![(self.text.clone().unwrap_or_default(), self.output.clone())]);
        };
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let texts = std::fs::read_to_string(lines).with_context(|| format!("{} cannot be read", lines.display()))?;
        let numbered = (1..).zip(texts.lines()).filter(|(_, text)| !text.trim().is_empty());
        Ok(numbered.map(|(n, text)| (text.to_owned(), folder.join(format!("{n:04}.wav")))).collect())
    }
}

/// Whether every text could be said.
pub async fn run(options: &Options) -> Result<bool> {
    let jobs = options.jobs()?;
    let (gpu, mut writer, mut zipped) = options.places.towers().await?;
    let voice = options.places.voice(&gpu)?;
    let mut all = true;
    for (text, file) in jobs {
        match said(&mut writer, &mut zipped, &voice, &text, options, &file).await {
            Ok(mut done) if options.json => {
                done["text"] = text.into();
                done["file"] = file.display().to_string().into();
                println!("{done}");
            }
            Ok(done) => println!("{}: {:.2} s", file.display(), done["seconds"].as_f64().unwrap_or_default()),
            Err(error) => {
                all = false;
                let message = format!("{error:#}");
                if options.json {
                    println!("{}", json!({ "text": text, "error": "unsaid", "message": message }));
                } else {
                    eprintln!("{text}: {message}");
                }
            }
        }
    }
    Ok(all)
}

/// One text, piece by piece.
async fn said(
    writer: &mut Writer,
    zipped: &mut Zipped,
    voice: &Voice,
    text: &str,
    options: &Options,
    file: &Path,
) -> Result<Value> {
    let began = Instant::now();
    let pieces = readable(text)?;
    let mut samples: Vec<f32> = Vec::new();
    let (mut first_sound_ms, mut tokens_ms, mut voice_ms, mut stops) = (0.0, 0.0, 0.0, Vec::new());
    for (number, piece) in pieces.iter().enumerate() {
        let how = SayOptions {
            voice: options.voice.clone(),
            seed: u64::from(options.seed) + number as u64,
            temperature: options.temperature,
            attention: false,
        };
        let done = zipped
            .say(writer, voice, &piece.spoken, &how, &|| false, &mut |sound| {
                if first_sound_ms == 0.0 {
                    first_sound_ms = began.elapsed().as_secs_f64() * 1e3;
                }
                samples.extend(sound);
                Ok(())
            })
            .await?;
        tokens_ms += done.timings.tokens_ms;
        voice_ms += done.timings.voice_ms;
        stops.push(json!(done.stop));
        if number + 1 < pieces.len() {
            samples.resize(samples.len() + (pause(piece) * RATE as f64).round() as usize, 0.0);
        }
    }
    if samples.is_empty() {
        bail!("the model made no sound of this text");
    }
    audio::write(file, &samples, RATE)?;
    let (total_ms, seconds) = (began.elapsed().as_secs_f64() * 1e3, samples.len() as f64 / RATE as f64);
    Ok(json!({
        "seconds": seconds,
        "rtf": (tokens_ms + voice_ms) / 1e3 / seconds,
        "first_sound_ms": first_sound_ms,
        "stops": stops,
        "timings": { "tokens_ms": tokens_ms, "voice_ms": voice_ms, "first_sound_ms": first_sound_ms, "total_ms": total_ms },
    }))
}

fn pause(piece: &Piece) -> f64 {
    if piece.paragraph {
        PARAGRAPH
    } else if piece.spoken.ends_with(['.', '!', '?']) {
        SENTENCE
    } else {
        PART
    }
}
