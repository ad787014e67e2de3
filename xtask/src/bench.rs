//! `bench`: figures of this machine, native and in the browser, into `benches/results.json` and `benches/results.md`.

use crate::server::Server;
use crate::{headless, place, run};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::process::Command;

/// What to measure.
#[derive(Args, Default)]
pub struct Options {
    /// Use dist/ as it is
    #[arg(long)]
    pub as_is: bool,
    /// Leave out the native benches (they need a release build of everything)
    #[arg(long)]
    pub browser_only: bool,
}

/// Measures and writes the table.
pub fn run(options: &Options) -> Result<()> {
    if !options.as_is {
        headless::prepare()?;
    }
    if !options.browser_only {
        run::check(Command::new("cargo").args(["bench", "--package", "zipper-bench"]).current_dir(place::root()))?;
    }
    // The other engine and its page are served beside ours, so that both run in one browser on one adapter.
    let bench = place::dist().join("bench");
    fs::create_dir_all(&bench).with_context(|| format!("cannot make {}", bench.display()))?;
    let wllama = place::root().join("node_modules/@wllama/wllama/esm");
    fs::copy(wllama.join("index.js"), bench.join("wllama.js")).context("no wllama: run `cargo xtask setup`")?;
    fs::copy(wllama.join("wasm/wllama.wasm"), bench.join("wllama.wasm")).context("wllama without its wasm")?;
    fs::copy(place::root().join("benches/browser/bench.html"), bench.join("index.html"))?;
    fs::copy(place::root().join("benches/browser/bench.js"), bench.join("bench.js"))?;
    let server = Server::start(&place::dist(), 0)?;
    let mut script = Command::new("node");
    script.arg(place::root().join("benches/browser/run.mjs")).current_dir(place::root());
    run::check(headless::with_environment(&mut script, &server)?)
}
