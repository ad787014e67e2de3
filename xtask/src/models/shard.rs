//! A file as a manifest and shards: plain slices in order, each named by the start of its own sum.

use super::sum;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read;
use std::path::Path;

/// Longest shard in bytes. Small enough that a broken download costs little, large enough that there are few requests.
const LONGEST: u64 = 16 << 20;

/// `manifest.json`, which the page reads.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub name: String,
    pub format: String,
    pub licence: String,
    pub bytes: u64,
    /// Of the whole file.
    pub sha256: String,
    /// What the file was made from; the shards are cut anew when it changes.
    pub source: String,
    pub shards: Vec<Shard>,
}

/// One slice.
#[derive(Serialize, Deserialize)]
pub struct Shard {
    pub file: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What the manifest says besides sums.
pub struct About<'a> {
    pub name: &'a str,
    pub format: &'a str,
    pub licence: &'a str,
    pub source: &'a str,
}

/// Whether `folder` holds a manifest made from `source` with all its shards at full length.
pub fn is_current(folder: &Path, source: &str) -> Result<bool> {
    let Ok(text) = fs::read_to_string(folder.join("manifest.json")) else { return Ok(false) };
    let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else { return Ok(false) };
    let whole = |shard: &Shard| fs::metadata(folder.join(&shard.file)).is_ok_and(|file| file.len() == shard.bytes);
    Ok(manifest.source == source && manifest.shards.iter().all(whole))
}

/// Cuts `file` into `folder`, whose former content goes. The manifest is written last: without it nothing counts.
pub fn cut(file: &Path, folder: &Path, about: &About) -> Result<Manifest> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut source = fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut shards = Vec::new();
    loop {
        let mut slice = Vec::new();
        source.by_ref().take(LONGEST).read_to_end(&mut slice)?;
        if slice.is_empty() {
            break;
        }
        let sha256 = sum::of_bytes(&slice);
        let shard = Shard { file: format!("{}.bin", &sha256[..16]), bytes: slice.len() as u64, sha256 };
        fs::write(folder.join(&shard.file), &slice).with_context(|| format!("cannot write {}", folder.display()))?;
        shards.push(shard);
    }
    let manifest = Manifest {
        name: about.name.into(),
        format: about.format.into(),
        licence: about.licence.into(),
        bytes: shards.iter().map(|shard| shard.bytes).sum(),
        sha256: sum::of_file(file)?,
        source: about.source.into(),
        shards,
    };
    fs::write(folder.join("manifest.json"), serde_json::to_string_pretty(&manifest)?)?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_joined_are_the_file_and_a_short_one_is_noticed() {
        let folder = std::env::temp_dir().join(format!("zipper-shards-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let whole: Vec<u8> = (0..LONGEST + 5).map(|i| (i * 31 % 251) as u8).collect();
        fs::write(folder.join("whole"), &whole).unwrap();
        let out = folder.join("out");
        let about = About { name: "n", format: "gguf", licence: "l", source: "s" };
        let manifest = cut(&folder.join("whole"), &out, &about).unwrap();
        let joined: Vec<u8> = manifest.shards.iter().flat_map(|s| fs::read(out.join(&s.file)).unwrap()).collect();
        assert!(joined == whole && manifest.shards.len() == 2);
        assert!(is_current(&out, "s").unwrap());
        assert!(!is_current(&out, "other").unwrap());
        fs::write(out.join(&manifest.shards[1].file), b"1234").unwrap();
        assert!(!is_current(&out, "s").unwrap());
        fs::remove_dir_all(&folder).unwrap();
    }
}
