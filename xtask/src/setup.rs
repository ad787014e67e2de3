//! What a fresh machine lacks. A second run finds everything and does nothing.

use crate::models::sum;
use crate::wasm_toolchain::{TARGET, WasmToolchain};
use crate::{place, run};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to set up.
#[derive(Args, Default)]
pub struct Options {
    /// Also the Python packages for training (.venv, some 5 GB)
    #[arg(long)]
    pub train: bool,
}

/// Installs what is missing, or names the command that would.
pub fn run(options: &Options) -> Result<()> {
    system_packages()?;
    wasm_target()?;
    wasm_bindgen()?;
    npm_packages()?;
    if options.train {
        training()?;
    }
    Ok(())
}

/// Names under which Chromium is found; `ZIPPER_CHROMIUM` comes first.
pub fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ZIPPER_CHROMIUM") {
        return Some(path.into());
    }
    run::find(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
}

/// Programs that come from the system's packages: Chromium, a software Vulkan device for the Rust tests, node, Python.
fn system_packages() -> Result<()> {
    let mut missing = Vec::new();
    if chromium().is_none() {
        missing.push("chromium");
    }
    if cfg!(target_os = "linux") && !vulkan_driver() {
        missing.push("mesa-vulkan-drivers");
    }
    for (program, package) in [("node", "nodejs"), ("npm", "npm"), ("python3", "python3-pip")] {
        if run::find(&[program]).is_none() {
            missing.push(package);
        }
    }
    apt(&missing)
}

/// Whether some Vulkan driver is registered.
fn vulkan_driver() -> bool {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .any(|folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()))
}

/// The wasm target: rustup's where it can be had, else Debian's toolchain.
fn wasm_target() -> Result<()> {
    if WasmToolchain::find()?.is_some() {
        return Ok(());
    }
    if run::find(&["rustup"]).is_some() {
        run::say(&format!("rustup target add {TARGET}"));
        let added = run::output(Command::new("rustup").args(["target", "add", TARGET]).current_dir(place::root()));
        if added.is_ok() && WasmToolchain::find()?.is_some() {
            return Ok(());
        }
        run::say("rustup could not add it; Debian's toolchain builds the standard library instead");
    }
    apt(&["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "lld-22"])?;
    if WasmToolchain::find()?.is_none() {
        bail!("there is still no toolchain for {TARGET}: install one with `rustup target add {TARGET}`");
    }
    Ok(())
}

/// Installs Debian packages as root, otherwise says the command.
fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    let root = run::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if run::find(&["apt-get"]).is_none() {
        bail!("missing: {}. On Debian: {line}. Elsewhere: install their like by hand", packages.join(", "));
    }
    if !root {
        bail!("missing: {}. Run: sudo sh -c '{line}'", packages.join(", "));
    }
    run::say(&line);
    run::output(Command::new("sh").args(["-c", &line]).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}

/// wasm-bindgen's program: it must be of the very version that Cargo.lock names.
pub fn wasm_bindgen_program() -> PathBuf {
    place::tools().join("bin").join("wasm-bindgen")
}

/// Builds wasm-bindgen's program into `target/tools`.
fn wasm_bindgen() -> Result<()> {
    let version = locked_version("wasm-bindgen")?;
    let program = wasm_bindgen_program();
    let found = program.is_file().then(|| run::output(Command::new(&program).arg("--version"))).transpose()?;
    if found.is_some_and(|found| found.trim() == format!("wasm-bindgen {version}")) {
        return Ok(());
    }
    run::say(&format!("building wasm-bindgen {version} (some 3 minutes)"));
    // Not --locked: its lock file names crates that are no longer built here. What ships does not depend on them.
    let mut install = Command::new("cargo");
    install
        .args(["install", "wasm-bindgen-cli", "--quiet", "--force", "--version", &version, "--root"])
        .arg(place::tools());
    run::check(install.current_dir(place::root()))
}

/// The version of `name` in Cargo.lock.
fn locked_version(name: &str) -> Result<String> {
    let text = fs::read_to_string(place::root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let lock: toml::Table = text.parse().context("Cargo.lock is not TOML")?;
    lock.get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some(name))
        .and_then(|package| package.get("version")?.as_str())
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock has no package {name}"))
}

/// npm's packages, exactly as locked. A mark beside them holds the lock file's sum.
fn npm_packages() -> Result<()> {
    let sum = sum::of_file(&place::root().join("package-lock.json"))?;
    let mark = place::root().join("node_modules").join(".zipper-lock");
    if fs::read_to_string(&mark).is_ok_and(|found| found == sum) {
        return Ok(());
    }
    run::say("npm ci");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(place::root());
    run::output(&mut npm)?;
    fs::write(&mark, sum).with_context(|| format!("cannot write {}", mark.display()))
}

/// A virtual environment with the locked packages for training.
fn training() -> Result<()> {
    let folder = place::root().join(".venv");
    let python = folder.join("bin").join("python");
    if !python.is_file() {
        run::check(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    pip_install(&python, &place::root().join("train").join("requirements.lock"))
}

fn pip_install(python: &Path, lock: &Path) -> Result<()> {
    run::say(&format!("pip install -r {}", lock.display()));
    run::check(Command::new(python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(lock))
}
