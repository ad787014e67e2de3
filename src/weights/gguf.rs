//! GGUF, the container of llama.cpp: header with metadata and tensor directory, then tensors at aligned offsets.

use super::quant::Format;
use super::stream::Directory;
use crate::error::{Error, Result};
use std::collections::HashMap;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any unsigned or signed integer.
    Integer(i64),
    /// Any float.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// Values of one type.
    List(Vec<Value>),
}

/// A tensor's entry in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Rows (1 for a vector).
    pub rows: usize,
    /// Columns: neighbours in memory.
    pub columns: usize,
    /// Storage format.
    pub format: Format,
    offset: usize,
}

impl TensorInfo {
    /// Bytes that the tensor takes in the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self.format {
            Format::F32 => self.rows * self.columns * 4,
            Format::F16 => self.rows * self.columns * 2,
            _ => self.rows * self.columns / 32 * self.format.file_block_bytes(),
        }
    }
}

/// What stands before the tensors.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Metadata by key.
    pub metadata: HashMap<String, Value>,
    /// The directory, by position in the file.
    pub tensors: Vec<TensorInfo>,
    data_start: usize,
}

impl Header {
    fn missing(key: &str, expected: &str) -> Error {
        Error::format(
            "GGUF header",
            format!("expected {expected} under {key}, found none: this is not a file of that model"),
        )
    }

    /// The integer under `key`.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none.
    pub fn integer(&self, key: &str) -> Result<usize> {
        match self.metadata.get(key) {
            Some(Value::Integer(v)) => usize::try_from(*v).map_err(|_| Self::missing(key, "a count")),
            _ => Err(Self::missing(key, "an integer")),
        }
    }

    /// The number under `key`.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none.
    pub fn float(&self, key: &str) -> Result<f64> {
        match self.metadata.get(key) {
            Some(Value::Float(v)) => Ok(*v),
            _ => Err(Self::missing(key, "a number")),
        }
    }

    /// The text under `key`.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none.
    pub fn text(&self, key: &str) -> Result<&str> {
        match self.metadata.get(key) {
            Some(Value::Text(v)) => Ok(v),
            _ => Err(Self::missing(key, "text")),
        }
    }

    /// The list under `key`.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none.
    pub fn list(&self, key: &str) -> Result<&[Value]> {
        match self.metadata.get(key) {
            Some(Value::List(v)) => Ok(v),
            _ => Err(Self::missing(key, "a list")),
        }
    }
}

/// Takes a GGUF file in pieces.
pub type Reader = super::stream::Reader<Header>;

impl Directory for Header {
    type Entry = TensorInfo;

    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut cursor = Cursor { bytes, at: 0 };
        match parse_header(&mut cursor) {
            Ok(header) => Ok(Some(header)),
            Err(Stop::NeedMore) => Ok(None),
            Err(Stop::Bad(message)) => Err(Error::format("GGUF header", message)),
        }
    }

    fn data_start(&self) -> usize {
        self.data_start
    }

    fn entries(&self) -> &[TensorInfo] {
        &self.tensors
    }

    fn span(entry: &TensorInfo) -> (usize, usize) {
        (entry.offset, entry.bytes())
    }
}

/// Reads little-endian values; running off the end means that more bytes must come.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why a header could not be read yet, or ever.
enum Stop {
    NeedMore,
    Bad(String),
}

type Step<T> = std::result::Result<T, Stop>;

/// More than any real header has: a damaged count must not make us wait for the whole file, or allocate it.
const MOST_ITEMS: u64 = 1 << 24;

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Step<&'a [u8]> {
        let end = self.at.checked_add(n).ok_or(Stop::NeedMore)?;
        let slice = self.bytes.get(self.at..end).ok_or(Stop::NeedMore)?;
        self.at = end;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn u32(&mut self) -> Step<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn count(&mut self) -> Step<usize> {
        let n = u64::from_le_bytes(self.array()?);
        if n > MOST_ITEMS { Err(Stop::Bad(format!("a count of {n} is beyond reason"))) } else { Ok(n as usize) }
    }

    fn text(&mut self) -> Step<String> {
        let n = self.count()?;
        Ok(String::from_utf8_lossy(self.take(n)?).into_owned())
    }

    fn value(&mut self, kind: u32) -> Step<Value> {
        Ok(match kind {
            0 => Value::Integer(self.array::<1>()?[0].into()),
            1 => Value::Integer(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Integer(self.u32()?.into()),
            5 => Value::Integer(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Bool(self.array::<1>()?[0] != 0),
            8 => Value::Text(self.text()?),
            9 => {
                let kind = self.u32()?;
                if kind == 9 {
                    return Err(Stop::Bad("a list of lists is not expected here".into()));
                }
                let n = self.count()?;
                let mut list = Vec::new();
                for _ in 0..n {
                    list.push(self.value(kind)?);
                }
                Value::List(list)
            }
            10 => Value::Integer(u64::from_le_bytes(self.array()?) as i64),
            11 => Value::Integer(i64::from_le_bytes(self.array()?)),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            other => return Err(Stop::Bad(format!("unknown metadata type {other}"))),
        })
    }
}

fn parse_header(c: &mut Cursor<'_>) -> Step<Header> {
    let magic = c.array::<4>()?;
    if &magic != b"GGUF" {
        return Err(Stop::Bad(format!("expected the magic bytes GGUF, found {magic:?}")));
    }
    let version = c.u32()?;
    if !(2..=3).contains(&version) {
        return Err(Stop::Bad(format!("expected version 2 or 3, found {version}")));
    }
    let (tensor_count, metadata_count) = (c.count()?, c.count()?);
    let mut header = Header::default();
    for _ in 0..metadata_count {
        let (key, kind) = (c.text()?, c.u32()?);
        let value = c.value(kind)?;
        header.metadata.insert(key, value);
    }
    for _ in 0..tensor_count {
        header.tensors.push(tensor_info(c)?);
    }
    header.tensors.sort_by_key(|t| t.offset);
    let alignment = header.integer("general.alignment").unwrap_or(32).max(1);
    header.data_start = c.at.next_multiple_of(alignment);
    Ok(header)
}

fn tensor_info(c: &mut Cursor<'_>) -> Step<TensorInfo> {
    let name = c.text()?;
    let axes = c.u32()?;
    if !(1..=4).contains(&axes) {
        return Err(Stop::Bad(format!("{name} has {axes} axes, expected 1 to 4")));
    }
    let columns = c.count()?;
    let mut rows = 1;
    for _ in 1..axes {
        rows *= c.count()?;
    }
    let format = match c.u32()? {
        0 => Format::F32,
        1 => Format::F16,
        3 => Format::Q4_1,
        8 => Format::Q8_0,
        other => return Err(Stop::Bad(format!("{name} has format {other}: F32, F16, Q4_1 and Q8_0 are read"))),
    };
    let offset =
        usize::try_from(u64::from_le_bytes(c.array()?)).map_err(|_| Stop::Bad(format!("{name} lies too far out")))?;
    Ok(TensorInfo { name, rows, columns, format, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(out: &mut Vec<u8>, s: &str) {
        out.extend((s.len() as u64).to_le_bytes());
        out.extend(s.as_bytes());
    }

    /// Two tensors, a gap between them, metadata of three kinds.
    fn file() -> Vec<u8> {
        let mut f = b"GGUF".to_vec();
        f.extend(3u32.to_le_bytes());
        f.extend(2u64.to_le_bytes());
        f.extend(3u64.to_le_bytes());
        text(&mut f, "a.count");
        f.extend(4u32.to_le_bytes());
        f.extend(7u32.to_le_bytes());
        text(&mut f, "a.name");
        f.extend(8u32.to_le_bytes());
        text(&mut f, "zip");
        text(&mut f, "a.list");
        f.extend(9u32.to_le_bytes());
        f.extend(6u32.to_le_bytes());
        f.extend(2u64.to_le_bytes());
        f.extend(1.5f32.to_le_bytes());
        f.extend(2.5f32.to_le_bytes());
        for (name, rows, format, offset) in [("second", 2u64, 8u32, 64u64), ("first", 1, 0, 0)] {
            text(&mut f, name);
            f.extend(2u32.to_le_bytes());
            f.extend(if format == 0 { 4u64 } else { 32 }.to_le_bytes());
            f.extend(rows.to_le_bytes());
            f.extend(format.to_le_bytes());
            f.extend(offset.to_le_bytes());
        }
        f.resize(f.len().next_multiple_of(32), 0);
        for v in [1.0f32, 2.0, 3.0, 4.0] {
            f.extend(v.to_le_bytes());
        }
        f.extend([0xEE; 48]);
        f.extend((0..68).collect::<Vec<u8>>());
        f
    }

    type Tensors = Vec<(String, Vec<u8>)>;

    fn read_in_pieces(file: &[u8], size: usize) -> Result<(Reader, Tensors)> {
        let mut reader = Reader::new();
        let mut tensors = Vec::new();
        for piece in file.chunks(size) {
            reader.push(piece, |_, info, bytes| {
                tensors.push((info.name.clone(), bytes.to_vec()));
                Ok(())
            })?;
        }
        Ok((reader, tensors))
    }

    #[test]
    fn pieces_of_any_size_give_the_same_tensors_in_file_order() {
        let file = file();
        for size in [1, 7, 64, 100, file.len()] {
            let (reader, tensors) = read_in_pieces(&file, size).expect("well formed");
            assert!(reader.is_complete(), "pieces of {size}");
            let header = reader.header().expect("read");
            assert_eq!(header.integer("a.count").expect("there"), 7);
            assert_eq!(header.text("a.name").expect("there"), "zip");
            assert_eq!(header.list("a.list").expect("there"), [Value::Float(1.5), Value::Float(2.5)]);
            assert_eq!(tensors[0].0, "first");
            assert_eq!(tensors[0].1, bytemuck::bytes_of(&[1.0f32, 2.0, 3.0, 4.0]));
            assert_eq!(tensors[1], ("second".into(), (0..68).collect()));
        }
    }

    #[test]
    fn a_truncated_file_is_not_complete() {
        let file = file();
        let (reader, tensors) = read_in_pieces(&file[..file.len() - 1], 50).expect("well formed so far");
        assert!(!reader.is_complete());
        assert_eq!(tensors.len(), 1);
    }

    #[test]
    fn what_is_not_gguf_is_refused() {
        for damage in [0usize, 4, 16] {
            let mut file = file();
            file[damage..damage + 4].copy_from_slice(&[0xFF; 4]);
            assert!(matches!(read_in_pieces(&file, 4096), Err(Error::Format { .. })), "damage at {damage}");
        }
    }
}
