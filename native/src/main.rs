//! `zipper transcribe FILE…` and `zipper speak TEXT`: the same model as the page's, on the machine's own adapter, without a browser.
//! `cargo xtask transcribe --native` and `cargo xtask speak --native` call it.

mod audio;
mod models;
mod speak;
mod transcribe;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Zipper on this machine's own graphics adapter.
#[derive(Parser)]
#[command(name = "zipper", version)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write down what is said in recordings (WAV, MP3, FLAC, Ogg Vorbis, AAC in MP4)
    Transcribe(transcribe::Options),
    /// Say texts into WAV files
    Speak(speak::Options),
}

fn main() -> ExitCode {
    let done = pollster::block_on(async {
        match Command::parse().task {
            Task::Transcribe(options) => transcribe::run(&options).await,
            Task::Speak(options) => speak::run(&options).await,
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
