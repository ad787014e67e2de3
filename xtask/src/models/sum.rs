//! SHA-256 of bytes and files, in hexadecimal.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Sum of `bytes`.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Sum of a file, read in pieces.
pub fn of_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut sum = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece).with_context(|| format!("cannot read {}", path.display()))?;
        if read == 0 {
            return Ok(hex(&sum.finalize()));
        }
        sum.update(&piece[..read]);
    }
}

/// Refuses a file whose sum is not `expected`, and removes it so that the next run fetches it again.
pub fn require(path: &Path, expected: &str) -> Result<()> {
    let found = of_file(path)?;
    if found == expected {
        return Ok(());
    }
    std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    bail!(
        "{}: sha256 is {found}, expected {expected}. The file was cut short or changed; it has been removed, run the chore again",
        path.display()
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_refused_and_removed() {
        let path = std::env::temp_dir().join(format!("zipper-sum-{}", std::process::id()));
        std::fs::write(&path, b"abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), abc);
        require(&path, abc).unwrap();
        std::fs::write(&path, b"ab").unwrap();
        let error = require(&path, abc).unwrap_err().to_string();
        assert!(error.contains("zipper-sum-"), "{error}");
        assert!(!path.exists());
    }
}
