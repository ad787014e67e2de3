//! A model file cut into shards: names, lengths and sums, as `cargo xtask models` writes them.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A file and the shards it was cut into, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// The container: `gguf` or `safetensors`.
    pub format: String,
    /// Length of the whole file in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file, hexadecimal.
    pub sha256: String,
    /// The shards.
    pub shards: Vec<Shard>,
}

/// One shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// File name, beside the manifest.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Shard {
    /// Checks the length.
    ///
    /// # Errors
    /// [`Error::ShardShort`].
    pub fn check_length(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 == self.bytes {
            return Ok(());
        }
        Err(Error::ShardShort { shard: self.file.clone(), found: bytes.len() as u64, expected: self.bytes })
    }

    /// Checks length and sum. (In the page the browser's own SHA-256 does this, outside wasm.)
    ///
    /// # Errors
    /// [`Error::ShardShort`] or [`Error::ShardTampered`].
    pub fn check(&self, bytes: &[u8]) -> Result<()> {
        self.check_length(bytes)?;
        let found: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        if found == self.sha256 {
            return Ok(());
        }
        Err(Error::ShardTampered { shard: self.file.clone(), found, expected: self.sha256.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_bytes_pass() {
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let shard = Shard { file: "abc.bin".into(), bytes: 3, sha256: sha256.into() };
        assert!(shard.check(b"abc").is_ok());
        assert!(matches!(shard.check(b"ab"), Err(Error::ShardShort { found: 2, expected: 3, .. })));
        assert!(matches!(shard.check(b"abd"), Err(Error::ShardTampered { .. })));
    }
}
