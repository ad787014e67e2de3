//! `zipper transcribe`.

use crate::audio;
use crate::models::Places;
use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use zipper::audio::RATE;
use zipper::audio::vad::speech_segments;
use zipper::tasks::generate::Writer;
use zipper::tasks::transcribe::{Ears, HearOptions};
use zipper::tasks::zipped::Zipped;

/// Options of `zipper transcribe`.
#[derive(Args)]
pub struct Options {
    /// Recordings
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a line: file, text, words, seconds, rtf, timings; or file, error, message
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: Places,
}

/// Whether every file could be heard.
pub async fn run(options: &Options) -> Result<bool> {
    let (gpu, mut writer, mut zipped) = options.places.towers().await?;
    let mut ears = options.places.ears(&gpu, &writer, &zipped)?;
    let mut all = true;
    for file in &options.files {
        let name = file.display();
        match heard(&mut writer, &mut zipped, &mut ears, file).await {
            Ok(mut found) if options.json => {
                found["file"] = name.to_string().into();
                println!("{found}");
            }
            Ok(found) => {
                let text = found["text"].as_str().unwrap_or_default();
                if options.files.len() > 1 { println!("{name}: {text}") } else { println!("{text}") }
            }
            Err(error) => {
                all = false;
                let message = format!("{error:#}");
                if options.json {
                    println!("{}", json!({ "file": name.to_string(), "error": "unheard", "message": message }));
                } else {
                    eprintln!("{name}: {message}");
                }
            }
        }
    }
    Ok(all)
}

/// One recording, segment by segment.
async fn heard(writer: &mut Writer, zipped: &mut Zipped, ears: &mut Ears, file: &Path) -> Result<Value> {
    let began = Instant::now();
    let samples = audio::read(file)?;
    let found = speech_segments(&samples);
    if found.is_empty() {
        bail!("nobody speaks in it");
    }
    let (loud, seconds) = (audio::normalized(samples.clone()), samples.len() as f64 / RATE as f64);
    let (mut texts, mut words, mut timings) = (Vec::new(), Vec::new(), [0.0; 4]);
    for segment in found {
        let sound = &loud[segment.start..segment.end];
        let options = HearOptions::default();
        let part = ears.transcribe(zipped, writer, sound, &options, &|| false, &mut |_| Ok(())).await?;
        let from = segment.start as f64 / RATE as f64;
        words
            .extend(part.words.iter().map(|w| json!({ "word": w.word, "start": from + w.start, "end": from + w.end })));
        let t = &part.timings;
        for (sum, ms) in timings.iter_mut().zip([t.log_mel_ms, t.encode_ms, t.speech_tower_ms, t.decode_ms]) {
            *sum += ms;
        }
        if !part.text.is_empty() {
            texts.push(part.text);
        }
    }
    let total_ms = began.elapsed().as_secs_f64() * 1e3;
    let [log_mel_ms, encode_ms, speech_tower_ms, decode_ms] = timings;
    Ok(json!({
        "text": texts.join(" "),
        "words": words,
        "seconds": seconds,
        "rtf": total_ms / 1e3 / seconds,
        "timings": {
            "log_mel_ms": log_mel_ms, "encode_ms": encode_ms, "speech_tower_ms": speech_tower_ms,
            "decode_ms": decode_ms, "total_ms": total_ms,
        },
    }))
}
