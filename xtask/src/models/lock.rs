//! `models.lock.toml`: which packages hold which models.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::Path;

/// The lock file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub package: Vec<Package>,
    pub model: Vec<Model>,
}

/// Where a package is published.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    Pypi,
    Npm,
}

/// A pinned package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    pub registry: Registry,
    pub version: String,
    /// Of the downloaded wheel or tarball.
    pub sha256: String,
}

/// A model made of members of packages, joined in order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub name: String,
    /// Container of the unpacked file: `gguf`, `safetensors`, `ct2`, `onnx`.
    pub format: String,
    pub licence: String,
    /// Of the joined file.
    pub sha256: String,
    pub members: Vec<Member>,
    /// Of a CTranslate2 file only the tensors under this prefix go to the page, as safetensors.
    pub keep: Option<String>,
}

/// A file inside a package.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub package: String,
    pub path: String,
}

impl Model {
    /// Changes whenever the shards must be cut anew.
    pub fn source_key(&self) -> String {
        match &self.keep {
            Some(prefix) => format!("{}:{prefix}", self.sha256),
            None => self.sha256.clone(),
        }
    }
}

impl Lock {
    /// The package named `name`.
    pub fn package(&self, name: &str) -> Result<&Package> {
        self.package
            .iter()
            .find(|package| package.name == name)
            .with_context(|| format!("models.lock.toml: no package is named {name}"))
    }
}

/// Reads and checks the lock file.
pub fn read(path: &Path) -> Result<Lock> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock: Lock = toml::from_str(&text).with_context(|| format!("{} is not a lock file", path.display()))?;
    for model in &lock.model {
        if model.members.is_empty() {
            bail!("models.lock.toml: {} has no members", model.name);
        }
        if model.keep.is_some() && model.format != "ct2" {
            bail!("models.lock.toml: {}: `keep` needs format ct2, found {}", model.name, model.format);
        }
        for member in &model.members {
            lock.package(&member.package)?;
        }
    }
    Ok(lock)
}
