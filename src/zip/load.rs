//! The zip from its file: links and projections as `docs/model.md`, section 4, describes them.

use super::{Link, LinkSpec, Projection, Zip};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::weights::safetensors::Tensors;
use serde::Deserialize;

/// A link in `config.json`, with towers by name.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkConfig {
    source: String,
    source_layer: usize,
    target: String,
    target_layer: usize,
    heads: usize,
    source_scale: f64,
    target_scale: f64,
}

/// A tower as the links know it.
pub struct Ends<'a> {
    /// Name in the config.
    pub name: &'a str,
    /// Channels of its hidden states.
    pub width: usize,
}

/// Channels of a head.
const HEAD: usize = 64;

impl Zip {
    /// Reads the links that `configs` lists between `towers`.
    ///
    /// # Errors
    /// [`Error::Format`] if a tensor or a tower is missing.
    pub fn load(gpu: &Gpu, towers: &[Ends<'_>], configs: &[LinkConfig], tensors: &Tensors) -> Result<Self> {
        let find = |name: &str| {
            let index = towers.iter().position(|t| t.name == name);
            index.ok_or_else(|| Error::format("config.json", format!("a link names tower {name}, which there is not")))
        };
        let link = |(i, config): (usize, &LinkConfig)| -> Result<Link> {
            let (source, target) = (find(&config.source)?, find(&config.target)?);
            let (from, to, inner) = (towers[source].width, towers[target].width, config.heads * HEAD);
            let name = |part: &str| format!("links.{i}.{part}");
            Ok(Link {
                spec: LinkSpec {
                    source: (source, config.source_layer),
                    target: (target, config.target_layer),
                    heads: config.heads,
                    source_scale: config.source_scale,
                    target_scale: config.target_scale,
                },
                source_norm: tensors.vector(gpu, &name("source_norm.weight"), from)?,
                target_norm: tensors.vector(gpu, &name("target_norm.weight"), to)?,
                query: tensors.upload(gpu, &name("q.weight"), inner, to)?,
                key_value: tensors.upload_stacked(gpu, &[name("k.weight"), name("v.weight")], &[inner, inner], from)?,
                output: tensors.upload(gpu, &name("o.weight"), to, inner)?,
                gate: tensors.floats(&name("gate"), 1)?[0].tanh(),
            })
        };
        Ok(Self { links: configs.iter().enumerate().map(link).collect::<Result<_>>()? })
    }
}

impl Projection {
    /// Reads the projection in front of tower `tower`, whose states have `width` channels.
    ///
    /// # Errors
    /// [`Error::Format`] if a tensor is missing.
    pub fn load(gpu: &Gpu, tower: usize, width: usize, tensors: &Tensors) -> Result<Self> {
        let name = |part: &str| format!("projections.{tower}.{part}.weight");
        let matrix = |part: &str| tensors.upload(gpu, &name(part), width, width);
        Ok(Self::new(gpu, matrix("w1")?, matrix("w2")?))
    }
}
