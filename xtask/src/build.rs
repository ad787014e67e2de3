//! The release page: wasm, its JavaScript, the page's own modules and their types, all in `dist/`.

use crate::wasm_toolchain::{TARGET, WasmToolchain};
use crate::{place, run, setup};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How to build.
#[derive(Args, Default)]
pub struct Options {
    /// Leave out wasm-opt: quicker to build, larger to load
    #[arg(long)]
    pub quick: bool,
    /// Only copy the page's files, leaving the wasm as it is
    #[arg(long)]
    pub page_only: bool,
}

/// What wasm-opt may use: what every browser with WebGPU has. `--all-features` gives modules that Chromium refuses.
const WASM_FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-call-indirect-overlong",
];

/// Builds `dist/` (the models in it are left alone).
pub fn run(options: &Options) -> Result<()> {
    let dist = place::dist();
    fs::create_dir_all(&dist).with_context(|| format!("cannot make {}", dist.display()))?;
    if !options.page_only {
        wasm(options.quick)?;
    }
    fs::copy(place::root().join("index.html"), dist.join("index.html")).context("cannot copy index.html")?;
    copy_folder(&place::root().join("www"), &dist.join("www"))?;
    // A service worker reaches only what lies below it: this one must lie at the top.
    fs::rename(dist.join("www/offline.js"), dist.join("offline.js")).context("cannot place offline.js")?;
    list_page()
}

/// `page.json`: every file of the page, for the service worker to keep (the models have a store of their own).
fn list_page() -> Result<()> {
    let mut files = vec!["./".to_owned(), "zipper.js".into(), "zipper_bg.wasm".into()];
    for folder in ["www", "www/worklets"] {
        let Ok(entries) = fs::read_dir(place::dist().join(folder)) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                files.push(format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy()));
            }
        }
    }
    files.sort();
    fs::write(place::dist().join("page.json"), serde_json::to_string_pretty(&files)?).context("cannot write page.json")
}

/// Compiles, binds and shrinks the wasm module.
fn wasm(quick: bool) -> Result<()> {
    let toolchain = WasmToolchain::find()?.context("no toolchain for wasm: run `cargo xtask setup`")?;
    run::say("building the wasm module");
    run::check(toolchain.cargo("build").args(["--lib", "--release"]))?;
    let built = place::root().join("target-wasm").join(TARGET).join("release").join("zipper.wasm");
    let bound = place::root().join("target-wasm").join("bound");
    run::output(
        Command::new(setup::wasm_bindgen_program())
            .args(["--target", "web", "--remove-name-section", "--remove-producers-section", "--out-dir"])
            .arg(&bound)
            .arg(&built),
    )?;
    let dist = place::dist();
    let module = dist.join("zipper_bg.wasm");
    if quick {
        fs::copy(bound.join("zipper_bg.wasm"), &module)?;
    } else {
        optimize(&bound.join("zipper_bg.wasm"), &module)?;
    }
    for file in ["zipper.js", "zipper.d.ts"] {
        fs::copy(bound.join(file), dist.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let sent = brotli_length(&module)?;
    run::say(&format!("zipper_bg.wasm: {} bytes, {sent} brotli", fs::metadata(&module)?.len()));
    if !quick && sent > MOST_BROTLI {
        bail!("the module takes {sent} bytes with brotli, the most is {MOST_BROTLI}: see what was added");
    }
    Ok(())
}

/// The most that a visitor downloads for the engine.
const MOST_BROTLI: u64 = 2_500_000;

/// wasm-opt of npm's binaryen; skipped when its result for this very input is there already.
fn optimize(input: &Path, output: &Path) -> Result<()> {
    let sum = crate::models::sum::of_file(input)?;
    let kept = place::root().join("target-wasm").join("bound").join(format!("{}.opt.wasm", &sum[..16]));
    if !kept.is_file() {
        for entry in fs::read_dir(place::root().join("target-wasm/bound"))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(".opt.wasm") {
                fs::remove_file(path)?;
            }
        }
        let program = place::root().join("node_modules/binaryen/bin/wasm-opt");
        run::say("wasm-opt");
        run::output(Command::new("node").arg(program).arg("-O1").args(WASM_FEATURES).arg(input).arg("-o").arg(&kept))?;
    }
    fs::copy(&kept, output).map(drop).with_context(|| format!("cannot write {}", output.display()))
}

/// Length after brotli, as a web server would send it (node brings brotli along).
fn brotli_length(file: &Path) -> Result<u64> {
    let script = "const z=require('node:zlib');const b=require('node:fs').readFileSync(process.argv[1]);\
        console.log(z.brotliCompressSync(b,{params:{[z.constants.BROTLI_PARAM_QUALITY]:9}}).length)";
    Ok(run::output(Command::new("node").args(["-e", script]).arg(file))?.trim().parse()?)
}

/// Copies the files of `from`, folders too, over `to`; files that are gone in `from` go in `to`.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("cannot clear {}", to.display()))?;
    }
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
