//! Zipper's chores. Every one is a subcommand, may be run again at any time, and says what it does.
//!
//! | file | chore |
//! | --- | --- |
//! | `setup` | what a fresh machine lacks |
//! | `models` | pinned packages to checked shards |
//! | `build` | the release page in `dist/` |
//! | `server`, `demo` | the page on a local address |
//! | `headless` | the same page driven in headless Chromium: `generate`, `transcribe`, `speak` |
//! | `stages` | `test`: all that must hold |
//! | `bench` | figures, native and in the browser |

mod bench;
mod build;
mod demo;
mod headless;
mod models;
mod place;
mod run;
mod server;
mod setup;
mod stages;
mod wasm_toolchain;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Zipper's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Command {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what this machine lacks: wasm target, wasm-bindgen, npm packages, Chromium
    Setup(setup::Options),
    /// Fetch the pinned models, check them, cut them into shards under dist/models
    Models(models::Options),
    /// Build the release page into dist/
    Build(build::Options),
    /// Set up, fetch, build, and serve the page locally
    Demo(demo::Options),
    /// Everything that must hold: format, lints, Rust tests, types, browser tests
    Test(stages::Options),
    /// Measure, natively and in the browser, into benches/results.{json,md}
    Bench(bench::Options),
    /// Continue a prompt with the page's own code in headless Chromium
    Generate(headless::Generate),
    /// Transcribe recordings with the page's own code in headless Chromium
    Transcribe(headless::Transcribe),
    /// Say texts with the page's own code in headless Chromium, into WAV files
    Speak(headless::Speak),
    /// Run a script against the served page (for chores under construction): node FILE, with ZIPPER_URL set
    #[command(hide = true)]
    WithPage(headless::WithPage),
}

fn main() -> ExitCode {
    let result = match Command::parse().chore {
        Chore::Setup(options) => setup::run(&options),
        Chore::Models(options) => models::run(&options),
        Chore::Build(options) => build::run(&options),
        Chore::Demo(options) => demo::run(&options),
        Chore::Test(options) => stages::run(&options),
        Chore::Bench(options) => bench::run(&options),
        Chore::Generate(options) => headless::generate(&options),
        Chore::Transcribe(options) => headless::transcribe(&options),
        Chore::Speak(options) => headless::speak(&options),
        Chore::WithPage(options) => headless::with_page(&options),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    // One line with all causes; where it came from in this program helps nobody.
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
