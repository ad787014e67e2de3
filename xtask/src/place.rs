//! Where things lie.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> &'static Path {
    // The manifest's folder is `xtask/`, one below the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// What is served: the built page and the models' shards.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// Programs built for the chores, inside the clone.
pub fn tools() -> PathBuf {
    root().join("target").join("tools")
}

/// Downloads and other large artefacts, outside the clone: `$ZIPPER_DATA`, else `~/.cache/zipper`.
///
/// # Errors
/// When neither `ZIPPER_DATA` nor `HOME` is set.
pub fn data() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ZIPPER_DATA") {
        return Ok(path.into());
    }
    let home = std::env::var_os("HOME").context("neither ZIPPER_DATA nor HOME is set: set ZIPPER_DATA to a folder")?;
    Ok(PathBuf::from(home).join(".cache").join("zipper"))
}
