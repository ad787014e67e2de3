//! The same tower in plain burn operations and 32-bit floats: the oracle of our kernels' tests, and their rival in the
//! bench. It is written for reading, not for speed, but it does keep a KV cache.

use super::text::config;
use super::{BlockConfig, TowerConfig};
use crate::error::{Error, Result};
use crate::weights::gguf::Reader;
use crate::weights::quant::{Format, Matrix};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use std::collections::HashMap;

/// A tower whose weights are dequantized burn tensors.
pub struct PlainTower {
    /// Its shape.
    pub config: TowerConfig,
    weights: HashMap<String, Tensor<2>>,
    device: Device,
}

/// Keys and values of every layer, `[kv_heads, positions, 64]`.
#[derive(Default)]
pub struct PlainCache {
    layers: Vec<(Tensor<3>, Tensor<3>)>,
    length: usize,
}

/// Reads a GGUF into a [`PlainTower`].
pub struct PlainLoader {
    reader: Reader,
    weights: HashMap<String, Tensor<2>>,
    device: Device,
}

impl PlainLoader {
    /// A loader at the start of the file.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self { reader: Reader::new(), weights: HashMap::new(), device: device.clone() }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { reader, weights, device } = self;
        reader.push(bytes, |_, info, bytes| {
            let values = if info.rows == 1 && info.format == Format::F32 {
                bytemuck::pod_collect_to_vec(bytes)
            } else {
                Matrix::from_gguf(info.format, info.rows, info.columns, bytes)
                    .ok_or_else(|| Error::format(&info.name, "not whole blocks"))?
                    .dequantize()
            };
            let tensor = Tensor::from_data(TensorData::new(values, [info.rows, info.columns]), &*device);
            weights.insert(info.name.clone(), tensor);
            Ok(())
        })
    }

    /// The tower, when the whole file was taken.
    ///
    /// # Errors
    /// [`Error::ModelMissing`] or [`Error::Format`].
    pub fn finish(self) -> Result<PlainTower> {
        match self.reader.header() {
            Some(header) if self.reader.is_complete() => {
                Ok(PlainTower { config: config(header)?, weights: self.weights, device: self.device })
            }
            _ => Err(Error::ModelMissing("the file ended before its last tensor".into())),
        }
    }
}

impl PlainTower {
    fn weight(&self, name: &str) -> Result<Tensor<2>> {
        self.weights.get(name).cloned().ok_or_else(|| Error::format(name, "the tensor is missing"))
    }

    fn linear(&self, x: Tensor<2>, name: &str) -> Result<Tensor<2>> {
        Ok(x.matmul(self.weight(name)?.transpose()))
    }

    fn norm(&self, x: Tensor<2>, name: &str) -> Result<Tensor<2>> {
        let mean = x.clone().powi_scalar(2).mean_dim(1);
        Ok(x / (mean + self.config.block.eps).sqrt() * self.weight(name)?)
    }

    /// Rotates `x` (`[heads, rows, 64]`) for positions `first`, `first + 1`, …
    fn rotate(&self, x: Tensor<3>, first: usize) -> Tensor<3> {
        let [heads, rows, _] = x.dims();
        let angles: Vec<f64> = (first..first + rows)
            .flat_map(|p| (0..32).map(move |i| p as f64 * self.config.rope_base.powf(-f64::from(i) / 32.0)))
            .collect();
        let table = |f: fn(f64) -> f64| -> Tensor<3> {
            let values: Vec<f32> = angles.iter().map(|a| f(*a) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, rows, 32]), &self.device)
        };
        let (cos, sin) = (table(f64::cos), table(f64::sin));
        let pairs = x.reshape([heads, rows, 32, 2]);
        let a: Tensor<3> = pairs.clone().narrow(3, 0, 1).squeeze_dim(3);
        let b: Tensor<3> = pairs.narrow(3, 1, 1).squeeze_dim(3);
        let turned = [a.clone() * cos.clone() - b.clone() * sin.clone(), a * sin + b * cos];
        Tensor::stack::<4>(turned.to_vec(), 3).reshape([heads, rows, 64])
    }

    fn attention(&self, x: Tensor<2>, layer: usize, cache: &mut PlainCache) -> Result<Tensor<2>> {
        let BlockConfig { heads, kv_heads, .. } = self.config.block;
        let rows = x.dims()[0];
        let first = cache.length;
        let split = |part: &str, heads: usize| -> Result<Tensor<3>> {
            let y = self.linear(x.clone(), &format!("blk.{layer}.{part}.weight"))?;
            Ok(y.reshape([rows, heads, 64]).swap_dims(0, 1))
        };
        let q = self.rotate(split("attn_q", heads)?, first);
        let mut k = self.rotate(split("attn_k", kv_heads)?, first);
        let mut v = split("attn_v", kv_heads)?;
        if let Some((before_k, before_v)) = cache.layers.get(layer) {
            k = Tensor::cat(vec![before_k.clone(), k], 1);
            v = Tensor::cat(vec![before_v.clone(), v], 1);
        }
        match cache.layers.get_mut(layer) {
            Some(slot) => *slot = (k.clone(), v.clone()),
            None => cache.layers.push((k.clone(), v.clone())),
        }
        let group = heads / kv_heads;
        let spread = |t: Tensor<3>| -> Tensor<3> {
            let [h, n, c] = t.dims();
            t.unsqueeze_dim::<4>(1).repeat_dim(1, group).reshape([h * group, n, c])
        };
        let scores = q.matmul(spread(k).swap_dims(1, 2)) * 0.125;
        let keys = first + rows;
        let hidden: Vec<f32> =
            (0..rows).flat_map(|t| (0..keys).map(move |j| if j > first + t { -1e30 } else { 0.0 })).collect();
        let mask: Tensor<3> = Tensor::from_data(TensorData::new(hidden, [1, rows, keys]), &self.device);
        let mixed = activation::softmax(scores + mask, 2).matmul(spread(v));
        self.linear(mixed.swap_dims(0, 1).reshape([rows, heads * 64]), &format!("blk.{layer}.attn_output.weight"))
    }

    fn feed_forward(&self, x: Tensor<2>, layer: usize) -> Result<Tensor<2>> {
        let gate = self.linear(x.clone(), &format!("blk.{layer}.ffn_gate.weight"))?;
        let up = self.linear(x, &format!("blk.{layer}.ffn_up.weight"))?;
        self.linear(activation::silu(gate) * up, &format!("blk.{layer}.ffn_down.weight"))
    }

    /// Logits of the last `last` of the rows `ids` (`[last, vocabulary]`), which follow what `cache` holds.
    ///
    /// # Errors
    /// [`Error::Format`] if a tensor is missing.
    pub fn forward(&self, ids: &[u32], last: usize, cache: &mut PlainCache) -> Result<Tensor<2>> {
        let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
        let rows = ids.len();
        let ids: Tensor<1, Int> = Tensor::from_data(TensorData::new(ids, [rows]), &self.device);
        let mut x = self.weight("token_embd.weight")?.select(0, ids);
        for layer in 0..self.config.layers {
            let normed = self.norm(x.clone(), &format!("blk.{layer}.attn_norm.weight"))?;
            x = x + self.attention(normed, layer, cache)?;
            let normed = self.norm(x.clone(), &format!("blk.{layer}.ffn_norm.weight"))?;
            x = x + self.feed_forward(normed, layer)?;
        }
        cache.length += rows;
        let normed = self.norm(x.narrow(0, rows - last, last), "output_norm.weight")?;
        self.linear(normed, "token_embd.weight")
    }
}
