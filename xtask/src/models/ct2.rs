//! CTranslate2 model files (binary version 6): keeps the tensors under a prefix, as safetensors.
//!
//! Layout, little endian: version u32; specification name (u16 length with its NUL, bytes); revision u32; count u32; then
//! for each variable: name, rank u8, dimensions u32 each, type u8, size in bytes u32, data.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// safetensors' names of CTranslate2's types 0..=4.
const TYPES: [&str; 5] = ["F32", "I8", "I16", "I32", "F16"];

/// Writes the variables of `file` whose name begins with `prefix` to `out`.
pub fn keep(file: &Path, prefix: &str, out: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (header, data) =
        select(&bytes, prefix).with_context(|| format!("{} is no CTranslate2 model", file.display()))?;
    if data.is_empty() {
        bail!("{} has no tensor under {prefix}", file.display());
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut whole = (header.len() as u64).to_le_bytes().to_vec();
    whole.extend(header);
    whole.extend(data);
    fs::write(out, whole).with_context(|| format!("cannot write {}", out.display()))
}

/// The safetensors header and data of the variables under `prefix`.
fn select(bytes: &[u8], prefix: &str) -> Result<(Map<String, Value>, Vec<u8>)> {
    let mut rest = Rest(bytes);
    let version = rest.u32()?;
    if version != 6 {
        bail!("binary version {version}, expected 6");
    }
    rest.text()?;
    rest.u32()?;
    let (mut header, mut data) = (Map::new(), Vec::new());
    for _ in 0..rest.u32()? {
        let name = rest.text()?;
        let rank = rest.take(1)?[0];
        let shape = (0..rank).map(|_| rest.u32()).collect::<Result<Vec<u32>>>()?;
        let kind = rest.take(1)?[0];
        let size = rest.u32()? as usize;
        let values = rest.take(size)?;
        if !name.starts_with(prefix) {
            continue;
        }
        let kind = TYPES.get(usize::from(kind)).with_context(|| format!("{name}: type {kind} is not known"))?;
        let start = data.len();
        data.extend_from_slice(values);
        header.insert(name, json!({ "dtype": kind, "shape": shape, "data_offsets": [start, data.len()] }));
    }
    Ok((header, data))
}

/// What is still unread.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("the file ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into()?))
    }

    /// A name: u16 length, bytes, the last of them NUL.
    fn text(&mut self) -> Result<String> {
        let length = u16::from_le_bytes(self.take(2)?.try_into()?);
        let bytes = self.take(usize::from(length))?;
        Ok(String::from_utf8(bytes.to_vec())?.trim_end_matches('\0').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, values: &[f32]) -> Vec<u8> {
        let mut bytes = (name.len() as u16 + 1).to_le_bytes().to_vec();
        bytes.extend(name.bytes().chain([0, 1]));
        bytes.extend((values.len() as u32).to_le_bytes());
        bytes.push(0);
        bytes.extend((values.len() as u32 * 4).to_le_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    #[test]
    fn only_the_prefix_is_kept_and_a_cut_file_is_refused() {
        let mut bytes = 6u32.to_le_bytes().to_vec();
        bytes.extend(2u16.to_le_bytes());
        bytes.extend(b"S\0");
        bytes.extend([1u32, 2].iter().flat_map(|n| n.to_le_bytes()));
        bytes.extend(variable("decoder/a", &[9.0]));
        bytes.extend(variable("encoder/b", &[1.0, 2.0]));
        let (header, data) = select(&bytes, "encoder/").unwrap();
        assert_eq!(data, [1.0f32, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
        assert_eq!(header["encoder/b"]["shape"], json!([2]));
        assert!(!header.contains_key("decoder/a"));
        assert!(select(&bytes[..bytes.len() - 1], "encoder/").is_err());
    }
}
