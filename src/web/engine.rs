//! The engine as JavaScript sees it.

use super::errors::{bad_options, to_js};
use crate::error::Error;
use crate::gpu::{Gpu, KernelSet, Open};
use crate::tasks::generate::{GenerateOptions, Writer};
use crate::towers::text::Loader;
use crate::weights::manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

type JsResult<T> = Result<T, JsValue>;

/// A device and the models on it.
#[wasm_bindgen]
pub struct Engine {
    gpu: Gpu,
    loading: RefCell<Option<Loading>>,
    writer: RefCell<Option<Writer>>,
    cancelled: Rc<Cell<bool>>,
}

/// A model half way in.
struct Loading {
    manifest: Manifest,
    next: usize,
    loader: Loader,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OpenOptions {
    kernels: Option<String>,
    power: Option<String>,
}

#[derive(Serialize)]
struct Loaded {
    parameters: usize,
    gpu_bytes: u64,
    weight_bytes: u64,
    context: usize,
    vocabulary: usize,
}

#[derive(Serialize)]
struct ShaderSource {
    name: String,
    source: String,
}

/// Plain objects and numbers rather than `Map`s and `BigInt`s.
fn to_object<T: Serialize>(value: &T) -> JsResult<JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value
        .serialize(&serializer)
        .map_err(|e| to_js(&Error::Gpu { stage: "serialization".into(), message: e.to_string() }))
}

fn from_object<T: for<'a> Deserialize<'a> + Default>(value: JsValue) -> JsResult<T> {
    if value.is_undefined() || value.is_null() {
        return Ok(T::default());
    }
    serde_wasm_bindgen::from_value(value).map_err(|e| bad_options(&e))
}

fn busy<T>(what: &'static str) -> impl FnOnce(T) -> JsValue {
    move |_| to_js(&Error::Busy(what))
}

#[wasm_bindgen]
impl Engine {
    /// Opens the adapter. `options`: `{ kernels?: "auto" | "plain" | "tiled", power?: "high-performance" | "low-power" }`.
    pub async fn open(options: JsValue) -> JsResult<Engine> {
        let options: OpenOptions = from_object(options)?;
        let kernels = match options.kernels.as_deref() {
            None | Some("auto") => None,
            Some("plain") => Some(KernelSet::Plain),
            Some("tiled") => Some(KernelSet::Tiled),
            Some(other) => {
                let expected = "auto, plain or tiled";
                return Err(to_js(&Error::Option { name: "kernels", found: other.into(), expected }));
            }
        };
        let low_power = options.power.as_deref() == Some("low-power");
        let gpu = Gpu::open(Open { kernels, low_power }).await.map_err(|e| to_js(&e))?;
        Ok(Engine { gpu, loading: RefCell::default(), writer: RefCell::default(), cancelled: Rc::default() })
    }

    /// What adapter this is and which kernels were chosen for it.
    pub fn adapter(&self) -> JsResult<JsValue> {
        to_object(self.gpu.report())
    }

    /// Name and final WGSL of every kernel.
    pub fn shader_sources() -> JsResult<JsValue> {
        let sources = crate::kernels::all().into_iter().map(|k| ShaderSource { name: k.name, source: k.source });
        to_object(&sources.collect::<Vec<_>>())
    }

    /// Starts (or restarts) loading the text tower that `manifest` describes.
    pub fn text_tower_begin(&self, manifest: JsValue) -> JsResult<()> {
        let manifest: Manifest = serde_wasm_bindgen::from_value(manifest).map_err(|e| bad_options(&e))?;
        if manifest.format != "gguf" {
            let message = format!("expected format gguf, found {}", manifest.format);
            return Err(to_js(&Error::format(manifest.name, message)));
        }
        let loading = Loading { manifest, next: 0, loader: Loader::new(&self.gpu) };
        *self.loading.try_borrow_mut().map_err(busy("loading"))? = Some(loading);
        Ok(())
    }

    /// Takes the next shard, in the manifest's order.
    pub async fn text_tower_push(&self, shard: Vec<u8>) -> JsResult<()> {
        let taken = self.loading.try_borrow_mut().map_err(busy("loading"))?.take();
        let Some(mut loading) = taken else {
            return Err(to_js(&Error::ModelMissing("no loading is under way".into())));
        };
        let result = loading.take(&shard).await;
        *self.loading.try_borrow_mut().map_err(busy("loading"))? = Some(loading);
        result.map_err(|e| to_js(&e))
    }

    /// Puts the text tower to use.
    pub fn text_tower_finish(&self) -> JsResult<JsValue> {
        let loading = self.loading.try_borrow_mut().map_err(busy("loading"))?.take();
        let Some(Loading { loader, .. }) = loading else {
            return Err(to_js(&Error::ModelMissing("no loading is under way".into())));
        };
        let tower = loader.finish().map_err(|e| to_js(&e))?;
        let (parameters, config) = (tower.parameters, tower.tower.config);
        let weight_bytes = tower.tower.weight_bytes();
        let mut slot = self.writer.try_borrow_mut().map_err(busy("writing"))?;
        *slot = Some(Writer::new(&self.gpu, tower));
        to_object(&Loaded {
            parameters,
            gpu_bytes: self.gpu.allocated_bytes(),
            weight_bytes,
            context: config.context,
            vocabulary: config.vocabulary,
        })
    }

    /// Continues `prompt`; `on_event` sees every token.
    pub async fn generate(&self, prompt: String, options: JsValue, on_event: js_sys::Function) -> JsResult<JsValue> {
        let options: GenerateOptions = from_object(options)?;
        let mut writer = self.writer.try_borrow_mut().map_err(busy("writing"))?;
        let writer = writer.as_mut().ok_or_else(|| to_js(&Error::ModelMissing("load the text tower first".into())))?;
        self.cancelled.set(false);
        let cancelled = self.cancelled.clone();
        let result = writer
            .generate(&prompt, &options, &|| cancelled.get(), &mut |event| {
                if let Ok(event) = to_object(&event) {
                    // What the page's callback throws is the page's own affair.
                    let _ = on_event.call1(&JsValue::NULL, &event);
                }
                Ok(())
            })
            .await;
        to_object(&result.map_err(|e| to_js(&e))?)
    }

    /// Asks the work under way to stop. Doing so twice, or when nothing runs, is fine.
    pub fn cancel(&self) {
        self.cancelled.set(true);
    }

    /// The token ids of `text`.
    pub fn tokenize(&self, text: &str) -> JsResult<Vec<u32>> {
        let writer = self.writer.try_borrow().map_err(busy("writing"))?;
        let writer = writer.as_ref().ok_or_else(|| to_js(&Error::ModelMissing("load the text tower first".into())))?;
        writer.text_tower().tokenizer.encode(text).map_err(|e| to_js(&e))
    }

    /// The text of `ids`.
    pub fn detokenize(&self, ids: &[u32]) -> JsResult<String> {
        let writer = self.writer.try_borrow().map_err(busy("writing"))?;
        let writer = writer.as_ref().ok_or_else(|| to_js(&Error::ModelMissing("load the text tower first".into())))?;
        writer.text_tower().tokenizer.decode(ids).map_err(|e| to_js(&e))
    }
}

impl Loading {
    async fn take(&mut self, bytes: &[u8]) -> crate::Result<()> {
        let shard = self.manifest.shards.get(self.next).ok_or_else(|| {
            Error::format(&self.manifest.name, format!("more shards than the {} listed", self.manifest.shards.len()))
        })?;
        shard.check_length(bytes)?;
        self.loader.push(bytes).await?;
        self.next += 1;
        Ok(())
    }
}
