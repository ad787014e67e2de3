//! Models for the page: pinned packages and the repository's own files, checked and cut into shards under `dist/models`.

mod ct2;
mod fetch;
mod lock;
mod shard;
pub mod sum;

use crate::{place, run};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

/// What to fetch.
#[derive(Args, Default)]
pub struct Options {
    /// Only models whose name contains one of these
    pub only: Vec<String>,
}

/// Fetches, checks and cuts every model; what is there already and right is left alone.
pub fn run(options: &Options) -> Result<()> {
    let lock = lock::read(&place::root().join("models.lock.toml"))?;
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|part| name.contains(part.as_str()));
    for model in lock.model.iter().filter(|model| wanted(&model.name)) {
        let folder = place::dist().join("models").join(&model.name);
        if shard::is_current(&folder, &model.source_key())? {
            continue;
        }
        let file = unpacked(&lock, model)?;
        let about = shard::About {
            name: &model.name,
            format: if model.keep.is_some() { "safetensors" } else { &model.format },
            licence: &model.licence,
            source: &model.source_key(),
        };
        let manifest = shard::cut(&file, &folder, &about)?;
        run::say(&format!("{}: {} bytes in {} shards", model.name, manifest.bytes, manifest.shards.len()));
    }
    for file in own_files()? {
        let (name, folder) = own_name(&file)?;
        if !wanted(&name) {
            continue;
        }
        let target = place::dist().join("models").join(&folder);
        if file.extension().is_some_and(|kind| kind == "safetensors") {
            let target = target.join(file.file_stem().unwrap_or_default());
            let key = sum::of_file(&file)?;
            if !shard::is_current(&target, &key)? {
                let about = shard::About { name: &name, format: "safetensors", licence: "Apache-2.0", source: &key };
                shard::cut(&file, &target, &about)?;
            }
        } else {
            fs::create_dir_all(&target)?;
            fs::copy(&file, target.join(file.file_name().unwrap_or_default()))
                .with_context(|| format!("cannot copy {}", file.display()))?;
        }
    }
    Ok(())
}

/// The whole file of a pinned model, checked, under `$ZIPPER_DATA/models`.
fn unpacked(lock: &lock::Lock, model: &lock::Model) -> Result<PathBuf> {
    let folder = place::data()?.join("models");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join(format!("{}.{}", model.name, model.format));
    if !(file.is_file() && sum::of_file(&file)? == model.sha256) {
        let partial = file.with_extension("partial");
        let mut out = fs::File::create(&partial).with_context(|| format!("cannot write {}", partial.display()))?;
        for member in &model.members {
            let archive = fetch::package(lock.package(&member.package)?)?;
            fetch::unpack(&archive, &member.path, &mut out)?;
        }
        drop(out);
        sum::require(&partial, &model.sha256)?;
        fs::rename(&partial, &file)?;
    }
    let Some(prefix) = &model.keep else { return Ok(file) };
    let kept = folder.join(format!("{}.safetensors", model.name));
    ct2::keep(&file, prefix, &kept)?;
    Ok(kept)
}

/// The repository's own model files: `models/FOLDER/*.{safetensors,json}`, references for tests left out.
fn own_files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let Ok(folders) = fs::read_dir(place::root().join("models")) else { return Ok(files) };
    for folder in folders {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)? {
            let file = file?.path();
            if file.extension().is_some_and(|kind| kind == "safetensors" || kind == "json") {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A model file's name for people (`zipper-en/zip`) and its folder.
fn own_name(file: &Path) -> Result<(String, String)> {
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|p| p.to_str()).map(str::to_owned);
    let folder = text(file.parent().and_then(Path::file_name)).context("a model folder's name is not UTF-8")?;
    let stem = text(file.file_stem()).context("a model file's name is not UTF-8")?;
    Ok((format!("{folder}/{stem}"), folder))
}
