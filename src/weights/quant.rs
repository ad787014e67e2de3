//! Storage formats of weight matrices. Weights stay in these on the device; kernels unpack them while they multiply.

use half::f16;

/// How the weights of a matrix are stored. Blocks are 32 neighbouring weights of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit floats, two to a word.
    F16,
    /// A 16-bit scale and 32 signed bytes a block (llama.cpp's `Q8_0`).
    Q8_0,
    /// 16-bit scale and minimum and 32 unsigned half bytes a block (llama.cpp's `Q4_1`).
    Q4_1,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Q8_0, Self::Q4_1];

    /// The name used in files and kernel names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4_1 => "q4_1",
        }
    }

    /// Bytes that a block of 32 weights takes in a GGUF file.
    #[must_use]
    pub const fn file_block_bytes(self) -> usize {
        match self {
            Self::F32 => 128,
            Self::F16 => 64,
            Self::Q8_0 => 34,
            Self::Q4_1 => 20,
        }
    }

    /// Words that a block of 32 weights takes on the device, its scale apart.
    const fn block_words(self) -> usize {
        match self {
            Self::F32 => 32,
            Self::F16 => 16,
            Self::Q8_0 => 8,
            Self::Q4_1 => 5,
        }
    }
}

/// A matrix in the layout that the kernels read (see `shaders/shared/weights_*.wgsl`).
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Outputs.
    pub rows: usize,
    /// Inputs: a multiple of 32.
    pub columns: usize,
    /// Storage format.
    pub format: Format,
    /// Blocks row by row; for [`Format::Q8_0`] then the scales, two to a word.
    pub words: Vec<u32>,
}

impl Matrix {
    /// Reads `rows x columns` weights from `bytes` as GGUF stores them, or `None` if the length does not fit.
    #[must_use]
    pub fn from_gguf(format: Format, rows: usize, columns: usize, bytes: &[u8]) -> Option<Self> {
        if !columns.is_multiple_of(32) || bytes.len() != rows * columns / 32 * format.file_block_bytes() {
            return None;
        }
        let words = match format {
            Format::Q8_0 => repack_q8_0(bytes),
            _ => bytemuck::pod_collect_to_vec(bytes),
        };
        Some(Self { rows, columns, format, words })
    }

    /// Joins matrices of equal format and width, the rows of the first on top (fused QKV, gate and up).
    #[must_use]
    pub fn stack(parts: &[&Self]) -> Option<Self> {
        let first = parts.first()?;
        if parts.iter().any(|m| m.format != first.format || m.columns != first.columns) {
            return None;
        }
        let rows = parts.iter().map(|m| m.rows).sum();
        let mut words: Vec<u32> = parts.iter().flat_map(|m| &m.words[..m.scales_at()]).copied().collect();
        if first.format == Format::Q8_0 {
            // An odd number of blocks leaves half a word unused, so scales are joined one by one.
            let scales: Vec<f16> = parts.iter().flat_map(|m| m.scales()).collect();
            words.extend(pack_f16(&scales));
        }
        Some(Self { rows, columns: first.columns, format: first.format, words })
    }

    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.rows * self.columns / 32
    }

    /// First word of the scales (the end, where the format keeps none apart).
    #[must_use]
    pub fn scales_at(&self) -> usize {
        self.blocks() * self.format.block_words()
    }

    fn scales(&self) -> impl Iterator<Item = f16> + '_ {
        let words = &self.words[self.scales_at()..];
        (0..self.blocks()).map(move |b| f16::from_bits((words[b / 2] >> (16 * (b % 2))) as u16))
    }

    /// Quantizes `values` (`[rows, columns]`) to `format`. Q8_0 rounds to the nearest of 255 steps, Q4_1 of 16.
    ///
    /// # Panics
    /// If `columns` is no multiple of 32 or `values` has another length.
    #[must_use]
    pub fn quantize(format: Format, rows: usize, columns: usize, values: &[f32]) -> Self {
        assert!(columns.is_multiple_of(32) && values.len() == rows * columns, "{rows} x {columns}: {}", values.len());
        let words = match format {
            Format::F32 => values.iter().map(|v| v.to_bits()).collect(),
            Format::F16 => pack_f16(&values.iter().map(|v| f16::from_f32(*v)).collect::<Vec<_>>()),
            Format::Q8_0 => {
                let bytes: Vec<u8> = values.chunks_exact(32).flat_map(encode_q8_0).collect();
                repack_q8_0(&bytes)
            }
            Format::Q4_1 => values.chunks_exact(32).flat_map(encode_q4_1).collect(),
        };
        Self { rows, columns, format, words }
    }

    /// A matrix from signed bytes (`[rows, columns]`) and scales (`[rows, columns / 32]`), as our safetensors store Q8_0.
    #[must_use]
    pub fn from_q8_0(rows: usize, columns: usize, bytes: &[u8], scales: &[f16]) -> Option<Self> {
        if !columns.is_multiple_of(32) || bytes.len() != rows * columns || scales.len() * 32 != bytes.len() {
            return None;
        }
        let mut words = bias_bytes(bytes);
        words.extend(pack_f16(scales));
        Some(Self { rows, columns, format: Format::Q8_0, words })
    }

    /// The weights as 32-bit floats, `[rows, columns]`.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.columns];
        let size = self.format.block_words();
        let mut scales = self.scales();
        for (block, out) in self.words[..self.scales_at()].chunks_exact(size).zip(out.chunks_exact_mut(32)) {
            match self.format {
                Format::F32 => out.iter_mut().zip(block).for_each(|(o, w)| *o = f32::from_bits(*w)),
                Format::F16 => {
                    for (o, i) in out.iter_mut().zip(0..) {
                        *o = f16::from_bits((block[i / 2] >> (16 * (i % 2))) as u16).to_f32();
                    }
                }
                Format::Q8_0 => {
                    let scale = scales.next().unwrap_or_default().to_f32();
                    for (o, i) in out.iter_mut().zip(0..) {
                        *o = scale * f32::from(((block[i / 4] ^ BIAS) >> (8 * (i % 4))) as u8 as i8);
                    }
                }
                Format::Q4_1 => {
                    let scale = f16::from_bits(block[0] as u16).to_f32();
                    let minimum = f16::from_bits((block[0] >> 16) as u16).to_f32();
                    for i in 0..16 {
                        let byte = (block[1 + i / 4] >> (8 * (i % 4))) as u8;
                        out[i] = scale * f32::from(byte & 15) + minimum;
                        out[i + 16] = scale * f32::from(byte >> 4) + minimum;
                    }
                }
            }
        }
        out
    }
}

fn pack_f16(values: &[f16]) -> Vec<u32> {
    values
        .chunks(2)
        .map(|pair| u32::from(pair[0].to_bits()) | u32::from(pair.get(1).map_or(0, |v| v.to_bits())) << 16)
        .collect()
}

/// The kernels want the three low bytes of every word with 128 added (see `shaders/shared/weights_q8_0.wgsl`).
const BIAS: u32 = 0x0080_8080;

fn bias_bytes(bytes: &[u8]) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(bytes).into_iter().map(|word: u32| word ^ BIAS).collect()
}

/// From blocks of 34 bytes (scale, bytes) to all bytes, then all scales: 34 is no multiple of a word.
fn repack_q8_0(bytes: &[u8]) -> Vec<u32> {
    let blocks = bytes.chunks_exact(34);
    let mut quants = Vec::with_capacity(blocks.len() * 32);
    let mut scales = Vec::with_capacity(blocks.len());
    for block in blocks {
        scales.push(f16::from_le_bytes([block[0], block[1]]));
        quants.extend_from_slice(&block[2..]);
    }
    let mut words = bias_bytes(&quants);
    words.extend(pack_f16(&scales));
    words
}

fn encode_q8_0(values: &[f32]) -> Vec<u8> {
    let largest = values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let scale = f16::from_f32(largest / 127.0);
    let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
    let mut block = scale.to_le_bytes().to_vec();
    block.extend(values.iter().map(|v| (v * inverse).round().clamp(-127.0, 127.0) as i8 as u8));
    block
}

fn encode_q4_1(values: &[f32]) -> [u32; 5] {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (scale, minimum) = (f16::from_f32((high - low) / 15.0), f16::from_f32(low));
    let inverse = if scale.to_f32() > 0.0 { 1.0 / scale.to_f32() } else { 0.0 };
    let nibble = |v: f32| ((v - minimum.to_f32()) * inverse).round().clamp(0.0, 15.0) as u32;
    let mut block = [u32::from(scale.to_bits()) | u32::from(minimum.to_bits()) << 16, 0, 0, 0, 0];
    for i in 0..16 {
        block[1 + i / 4] |= (nibble(values[i]) | nibble(values[i + 16]) << 4) << (8 * (i % 4));
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect()
    }

    #[test]
    fn rounding_errors_stay_within_half_a_step() {
        let values = ramp(5 * 96);
        for (format, step) in [(Format::F32, 0.0), (Format::F16, 2e-3), (Format::Q8_0, 0.018), (Format::Q4_1, 0.28)] {
            let matrix = Matrix::quantize(format, 5, 96, &values);
            for (got, want) in matrix.dequantize().iter().zip(&values) {
                assert!((got - want).abs() <= step * 0.55, "{format:?}: {got} for {want}");
            }
        }
    }

    #[test]
    fn stacking_keeps_every_weight_also_with_an_odd_number_of_blocks() {
        for format in [Format::F32, Format::F16, Format::Q8_0, Format::Q4_1] {
            let (a, b) = (Matrix::quantize(format, 3, 32, &ramp(96)), Matrix::quantize(format, 2, 32, &ramp(64)));
            let stacked = Matrix::stack(&[&a, &b]).expect("same width");
            assert_eq!(stacked.rows, 5);
            assert_eq!(stacked.dequantize(), [a.dequantize(), b.dequantize()].concat());
        }
    }

    #[test]
    fn a_wrong_length_is_refused() {
        assert!(Matrix::from_gguf(Format::Q4_1, 2, 32, &[0; 39]).is_none());
        assert!(Matrix::from_gguf(Format::Q8_0, 1, 33, &[0; 34]).is_none());
    }
}
