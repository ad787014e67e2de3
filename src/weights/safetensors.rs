//! Safetensors: a JSON directory, then the tensors. Our own weights come in this, and the pinned speech encoder.

use super::quant::{Format, Matrix};
use super::stream::Directory;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, storage_from};
use crate::kernels::matmul::GpuMatrix;
use half::f16;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// A tensor's entry in the directory.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// Element type: `F32`, `F16`, `I8` or `I32`.
    pub dtype: String,
    /// Axes, outermost first.
    pub shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// The directory, in file order.
pub struct Header {
    entries: Vec<Entry>,
    data_start: usize,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

/// Takes a safetensors file in pieces.
pub type Reader = super::stream::Reader<Header>;

/// More than any directory of ours has.
const LONGEST_HEADER: u64 = 16 << 20;

impl Directory for Header {
    type Entry = Entry;

    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let length = u64::from_le_bytes(*length);
        let bad = |message: String| Error::format("safetensors header", message);
        if length > LONGEST_HEADER {
            return Err(bad(format!("a directory of {length} bytes is beyond reason: this is no safetensors file")));
        }
        let Some(json) = rest.get(..length as usize) else { return Ok(None) };
        let parsed: HashMap<String, serde_json::Value> =
            serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        let mut header = Self { entries: Vec::new(), data_start: 8 + json.len(), metadata: BTreeMap::new() };
        for (name, value) in parsed {
            if name == "__metadata__" {
                header.metadata = serde_json::from_value(value).map_err(|e| bad(e.to_string()))?;
                continue;
            }
            let mut entry: Entry = serde_json::from_value(value).map_err(|e| bad(format!("{name}: {e}")))?;
            if entry.data_offsets.0 > entry.data_offsets.1 {
                return Err(bad(format!("{name} ends before it begins")));
            }
            entry.name = name;
            header.entries.push(entry);
        }
        header.entries.sort_by_key(|e| e.data_offsets);
        Ok(Some(header))
    }

    fn data_start(&self) -> usize {
        self.data_start
    }

    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn span(entry: &Entry) -> (usize, usize) {
        (entry.data_offsets.0, entry.data_offsets.1 - entry.data_offsets.0)
    }
}

/// A tensor on the host.
#[derive(Clone, Debug)]
pub struct HostTensor {
    /// Axes, outermost first.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: String,
    /// Elements, little endian.
    pub bytes: Vec<u8>,
}

impl HostTensor {
    /// The values as 32-bit floats, or `None` for another element type.
    #[must_use]
    pub fn floats(&self) -> Option<Vec<f32>> {
        match self.dtype.as_str() {
            "F32" => Some(bytemuck::pod_collect_to_vec(&self.bytes)),
            "F16" => Some(self.halves()?.into_iter().map(f16::to_f32).collect()),
            _ => None,
        }
    }

    /// The values as 16-bit floats, or `None` for another element type.
    #[must_use]
    pub fn halves(&self) -> Option<Vec<f16>> {
        (self.dtype == "F16").then(|| bytemuck::pod_collect_to_vec(&self.bytes))
    }

    /// The values as 32-bit integers, or `None` for another element type.
    #[must_use]
    pub fn integers(&self) -> Option<Vec<i32>> {
        (self.dtype == "I32").then(|| bytemuck::pod_collect_to_vec(&self.bytes))
    }
}

/// All tensors of a file that is small enough to be held whole (ours are; quantized, they stay so).
#[derive(Default)]
pub struct Tensors {
    file: String,
    tensors: HashMap<String, HostTensor>,
}

impl Tensors {
    /// Takes every tensor that `reader` hands out for `bytes`.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn push(&mut self, reader: &mut Reader, bytes: &[u8]) -> Result<()> {
        let tensors = &mut self.tensors;
        reader.push(bytes, |_, entry, bytes| {
            let Entry { name, dtype, shape, .. } = entry.clone();
            tensors.insert(name, HostTensor { shape, dtype, bytes: bytes.to_vec() });
            Ok(())
        })
    }

    /// Reads a whole file called `file`.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new();
        let mut tensors = Self { file: file.to_owned(), ..Self::default() };
        tensors.push(&mut reader, bytes)?;
        if reader.is_complete() { Ok(tensors) } else { Err(Error::format(file, "the file is cut short")) }
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none.
    pub fn get(&self, name: &str) -> Result<&HostTensor> {
        self.tensors.get(name).ok_or_else(|| Error::format(&self.file, format!("tensor {name} is missing")))
    }

    /// The values of `name` as floats.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none, or of another type, or not of `length` values.
    pub fn floats(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        let tensor = self.get(name)?;
        let wrong = || {
            Error::format(
                &self.file,
                format!("{name}: expected {length} floats, found {} {:?}", tensor.dtype, tensor.shape),
            )
        };
        tensor.floats().filter(|v| v.len() == length).ok_or_else(wrong)
    }

    /// The vector `name` on the device.
    ///
    /// # Errors
    /// As [`Tensors::floats`].
    pub fn vector(&self, gpu: &Gpu, name: &str, length: usize) -> Result<wgpu::Buffer> {
        Ok(storage_from(gpu, name, &self.floats(name, length)?))
    }

    /// The matrix `name`, stored as `name.q` and `name.scale` (Q8_0) or as floats under its own name. Columns that are no
    /// multiple of 32 are filled up with zeros.
    ///
    /// # Errors
    /// [`Error::Format`] if it is missing or of another shape.
    pub fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix> {
        let expected = format!("{name}: expected {rows} x {columns}");
        if let Ok(quants) = self.get(&format!("{name}.q")) {
            let scales = self.get(&format!("{name}.scale"))?.halves();
            let fits = quants.dtype == "I8" && quants.shape == [rows, columns];
            let matrix = scales.filter(|_| fits).and_then(|s| Matrix::from_q8_0(rows, columns, &quants.bytes, &s));
            return matrix.ok_or_else(|| Error::format(&self.file, format!("{expected}, found {:?}", quants.shape)));
        }
        let tensor = self.get(name)?;
        let values = tensor.floats().filter(|v| v.len() == rows * columns);
        let values = values.ok_or_else(|| {
            Error::format(&self.file, format!("{expected}, found {} {:?}", tensor.dtype, tensor.shape))
        })?;
        let padded = columns.next_multiple_of(32);
        let mut filled = vec![0.0; rows * padded];
        for (to, from) in filled.chunks_exact_mut(padded).zip(values.chunks_exact(columns)) {
            to[..columns].copy_from_slice(from);
        }
        let format = if tensor.dtype == "F16" { Format::F16 } else { Format::F32 };
        Ok(Matrix::quantize(format, rows, padded, &filled))
    }

    /// [`Tensors::matrix`], on the device.
    ///
    /// # Errors
    /// As [`Tensors::matrix`].
    pub fn upload(&self, gpu: &Gpu, name: &str, rows: usize, columns: usize) -> Result<GpuMatrix> {
        Ok(GpuMatrix::upload(gpu, name, &self.matrix(name, rows, columns)?))
    }

    /// Several matrices of equal width on the device as one, the first on top.
    ///
    /// # Errors
    /// As [`Tensors::matrix`], or if their formats differ.
    pub fn upload_stacked(&self, gpu: &Gpu, names: &[String], rows: &[usize], columns: usize) -> Result<GpuMatrix> {
        let parts = names.iter().zip(rows).map(|(n, r)| self.matrix(n, *r, columns)).collect::<Result<Vec<_>>>()?;
        let stacked = Matrix::stack(&parts.iter().collect::<Vec<_>>());
        let stacked = stacked.ok_or_else(|| Error::format(&self.file, format!("{names:?} differ in format")))?;
        Ok(GpuMatrix::upload(gpu, &names[0], &stacked))
    }
}
