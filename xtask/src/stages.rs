//! `test`: all that must hold, in stages, stopping at the first that fails.

use crate::server::Server;
use crate::wasm_toolchain::WasmToolchain;
use crate::{build, headless, models, place, run, setup};
use anyhow::{Context, Result};
use clap::Args;
use std::process::Command;
use std::time::{Duration, Instant};

/// Which stages.
#[derive(Args, Default)]
pub struct Options {
    /// Only stages whose name contains one of these
    pub only: Vec<String>,
}

type Stage = (&'static str, fn() -> Result<()>);

/// In the order of what fails soonest; each needs only what came before it.
const STAGES: [Stage; 11] = [
    ("format", || run::check(cargo("fmt").args(["--all", "--check"]))),
    ("setup", || setup::run(&setup::Options::default())),
    ("lint-js", || run::check(node_program("eslint/bin/eslint.js").args(["--max-warnings", "0", "."]))),
    ("xtask", xtask),
    ("models", || models::run(&models::Options::default())),
    ("clippy", clippy),
    ("rust", || run::check(cargo("test").args(["--package", "zipper"]))),
    ("native", native),
    ("wasm", wasm),
    // After the build, which makes the types of the engine that the page's modules are checked against.
    ("types", || run::check(node_program("typescript/bin/tsc").args(["-p", "tsconfig.json"]))),
    ("browser", browser),
];

/// Runs the stages; at the end, or at a failure, says how long each took.
pub fn run(options: &Options) -> Result<()> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failed = None;
    for (name, stage) in STAGES {
        if !options.only.is_empty() && !options.only.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        run::say(&format!("stage {name}"));
        let start = Instant::now();
        let result = stage();
        times.push((name, start.elapsed()));
        if let Err(error) = result {
            failed = Some(error.context(format!("stage {name} failed")));
            break;
        }
    }
    for (name, time) in &times {
        eprintln!("{name:>10} {:>6.0} s", time.as_secs_f64());
    }
    failed.map_or(Ok(()), Err)
}

fn cargo(verb: &str) -> Command {
    let mut command = Command::new("cargo");
    command.arg(verb).current_dir(place::root());
    command
}

fn node_program(path: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(place::root().join("node_modules").join(path)).current_dir(place::root());
    command
}

/// The chores' own lints and tests.
fn xtask() -> Result<()> {
    run::check(cargo("clippy").args(["--package", "xtask", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    run::check(cargo("test").args(["--package", "xtask"]))
}

/// Clippy as the compiler of our own crate only: the dependencies are then compiled once for lints and tests together,
/// which halves the work of a clean clone (`cargo clippy` would check all of burn a second time).
fn clippy() -> Result<()> {
    run::check(linting(cargo("build").args(["--package", "zipper", "--lib", "--tests"]), "clippy-driver"))
}

/// The program without a browser.
fn native() -> Result<()> {
    let package = ["--package", "zipper-native"];
    run::check(linting(cargo("build").args(package).arg("--tests"), "clippy-driver"))?;
    run::check(cargo("test").args(package))
}

/// The page's module: lints first, then the release build that the browser tests load.
fn wasm() -> Result<()> {
    let toolchain = WasmToolchain::find()?.context("no toolchain for wasm: run `cargo xtask setup`")?;
    run::check(linting(toolchain.cargo("build").args(["--lib", "--release"]), toolchain.clippy_driver()))?;
    build::run(&build::Options::default())
}

/// What `cargo clippy -- -D warnings` sets, on a command that builds.
fn linting<'a>(command: &'a mut Command, driver: &str) -> &'a mut Command {
    command.env("RUSTC_WORKSPACE_WRAPPER", driver).env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__")
}

/// The page in headless Chromium.
fn browser() -> Result<()> {
    let folder = place::root().join("tests").join("browser");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    let server = Server::start(&place::dist(), 0)?;
    let mut tests = Command::new("node");
    // One at a time: each drives a whole browser with a processor for a graphics card.
    tests
        .args(["--test", "--test-concurrency=1", "--test-timeout=300000", "--test-reporter=spec"])
        .args(files)
        .current_dir(place::root());
    run::check(headless::with_environment(&mut tests, &server)?)
}
