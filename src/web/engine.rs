//! The engine as JavaScript sees it.
//!
//! Each model part sits in a `RefCell` that stays borrowed while the part works, across awaits: it is the lock. Every borrow is
//! a `try_` one, so a second request meanwhile gets [`Error::Busy`] instead of a panic.
#![allow(clippy::await_holding_refcell_ref)]

use super::errors::{bad_options, to_js};
use crate::audio::vad::speech_segments;
use crate::bench;
use crate::error::Error;
use crate::gpu::{Gpu, KernelSet, Open};
use crate::tasks::generate::{GenerateOptions, Writer};
use crate::tasks::speak::SayOptions;
use crate::tasks::transcribe::{EarFiles, Ears, HearOptions, Partial};
use crate::tasks::zipped::{Attention, ZipFiles, Zipped};
use crate::towers::plain::{PlainLoader, PlainTower};
use crate::towers::text::Loader;
use crate::vocoder::Voice;
use crate::weights::manifest::Manifest;
use crate::weights::safetensors::{Reader, Tensors};
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

type JsResult<T> = Result<T, JsValue>;

/// A device and the models on it.
#[wasm_bindgen]
pub struct Engine {
    gpu: Gpu,
    loading: RefCell<Option<Loading>>,
    parts: RefCell<HashMap<String, (Reader, Tensors)>>,
    writer: RefCell<Option<Writer>>,
    zipped: RefCell<Option<Zipped>>,
    ears: RefCell<Option<Ears>>,
    voice: RefCell<Option<Voice>>,
    plain_loading: RefCell<Option<PlainLoader>>,
    plain: RefCell<Option<PlainTower>>,
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
struct TextEvent<'a> {
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attention: Option<&'a Attention>,
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
        Ok(Engine {
            gpu,
            loading: RefCell::default(),
            parts: RefCell::default(),
            writer: RefCell::default(),
            zipped: RefCell::default(),
            ears: RefCell::default(),
            voice: RefCell::default(),
            plain_loading: RefCell::default(),
            plain: RefCell::default(),
            cancelled: Rc::default(),
        })
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

    /// Takes the next bytes of a safetensors file called `part`: `encoder`, `quantizer`, `speller`, `speech_tower` or `zip`. With
    /// `restart`, from its beginning.
    pub fn part_push(&self, part: String, bytes: &[u8], restart: bool) -> JsResult<()> {
        let mut parts = self.parts.try_borrow_mut().map_err(busy("loading"))?;
        if restart {
            parts.remove(&part);
        }
        let (reader, tensors) = parts.entry(part).or_insert_with(|| (Reader::new(), Tensors::default()));
        tensors.push(reader, bytes).map_err(|e| to_js(&e))
    }

    /// A part that was pushed to its end; it is handed out once.
    fn take_part(&self, name: &str) -> JsResult<Tensors> {
        match self.parts.try_borrow_mut().map_err(busy("loading"))?.remove(name) {
            Some((reader, tensors)) if reader.is_complete() => Ok(tensors),
            _ => Err(to_js(&Error::ModelMissing(format!("{name} is not complete")))),
        }
    }

    /// Zips the speech tower to the text tower: the parts `speech_tower` and `zip` are in, and the text tower is loaded. `config` is the text of
    /// `config.json`.
    pub async fn zip_finish(&self, config: String) -> JsResult<()> {
        let (speech_tower, zip) = (self.take_part("speech_tower")?, self.take_part("zip")?);
        let files = ZipFiles { config: &config, speech_tower: &speech_tower, zip: &zip };
        let writer = self.writer.try_borrow().map_err(busy("writing"))?;
        let writer = writer.as_ref().ok_or_else(|| to_js(&Error::ModelMissing("load the text tower first".into())))?;
        let zipped = self.gpu.guarded("loading", || Zipped::new(&self.gpu, writer, &files)).await;
        let zipped = zipped.and_then(|result| result).map_err(|e| to_js(&e))?;
        *self.zipped.try_borrow_mut().map_err(busy("loading"))? = Some(zipped);
        Ok(())
    }

    /// Puts hearing to use: the parts `encoder`, `quantizer` and `speller` are in, and the towers are zipped.
    pub async fn hearing_finish(&self) -> JsResult<()> {
        let (encoder, quantizer, speller) =
            (self.take_part("encoder")?, self.take_part("quantizer")?, self.take_part("speller")?);
        let files = EarFiles { encoder: &encoder, quantizer: &quantizer, speller: &speller };
        let writer = self.writer.try_borrow().map_err(busy("writing"))?;
        let zipped = self.zipped.try_borrow().map_err(busy("hearing"))?;
        let (Some(writer), Some(zipped)) = (writer.as_ref(), zipped.as_ref()) else {
            return Err(to_js(&Error::ModelMissing("zip the towers first".into())));
        };
        let ears = self.gpu.guarded("loading", || Ears::new(&self.gpu, writer, zipped, &files)).await;
        let ears = ears.and_then(|result| result).map_err(|e| to_js(&e))?;
        *self.ears.try_borrow_mut().map_err(busy("hearing"))? = Some(ears);
        Ok(())
    }

    /// Where somebody speaks in `samples` (16 kHz, mono, -1 to 1): `[{ start, end }]` in samples, none longer than 24 s.
    pub fn speech_segments(&self, samples: &[f32]) -> JsResult<JsValue> {
        to_object(&speech_segments(samples))
    }

    /// The words of `samples` (16 kHz, mono, -1 to 1, at most 29 s). `options`: `{ attention? }`; `on_event` sees `{ kind: "text", text, attention? }`
    /// as it grows.
    pub async fn transcribe(
        &self,
        samples: Vec<f32>,
        options: JsValue,
        on_event: js_sys::Function,
    ) -> JsResult<JsValue> {
        let options: HearOptions = from_object(options)?;
        let mut writer = self.writer.try_borrow_mut().map_err(busy("writing"))?;
        let mut zipped = self.zipped.try_borrow_mut().map_err(busy("hearing"))?;
        let mut ears = self.ears.try_borrow_mut().map_err(busy("hearing"))?;
        let (Some(writer), Some(zipped), Some(ears)) = (writer.as_mut(), zipped.as_mut(), ears.as_mut()) else {
            return Err(to_js(&Error::ModelMissing("load hearing first".into())));
        };
        self.cancelled.set(false);
        let cancelled = self.cancelled.clone();
        let mut tell = |partial: &Partial<'_>| {
            let event = TextEvent { kind: "text", text: partial.text, attention: partial.attention };
            if let Ok(event) = to_object(&event) {
                let _ = on_event.call1(&JsValue::NULL, &event);
            }
            Ok(())
        };
        let heard = ears.transcribe(zipped, writer, &samples, &options, &|| cancelled.get(), &mut tell).await;
        to_object(&heard.map_err(|e| to_js(&e))?)
    }

    /// Puts the voices to use: their part `voice` is in; to speak, the towers are zipped, too. `config` is the text of `voice.json`.
    pub async fn speaking_finish(&self, config: String) -> JsResult<()> {
        let tensors = self.take_part("voice")?;
        let voice = self.gpu.guarded("loading", || Voice::new(&self.gpu, &config, &tensors)).await;
        let voice = voice.and_then(|result| result).map_err(|e| to_js(&e))?;
        *self.voice.try_borrow_mut().map_err(busy("speaking"))? = Some(voice);
        Ok(())
    }

    /// The voices: `[{ name, label, gender, accent }]`.
    pub fn voices(&self) -> JsResult<JsValue> {
        let voice = self.voice.try_borrow().map_err(busy("speaking"))?;
        let voice = voice.as_ref().ok_or_else(|| to_js(&Error::ModelMissing("load the voice first".into())))?;
        to_object(&voice.voices)
    }

    /// Says `text`, one sentence or part of one as [`Engine::readable`] gives it. `options`: `{ voice?, seed?, temperature? }`; `on_event` sees
    /// `{ kind: "audio", samples: Float32Array }` (24 kHz), piece after piece.
    pub async fn say(&self, text: String, options: JsValue, on_event: js_sys::Function) -> JsResult<JsValue> {
        let options: SayOptions = from_object(options)?;
        let mut writer = self.writer.try_borrow_mut().map_err(busy("writing"))?;
        let mut zipped = self.zipped.try_borrow_mut().map_err(busy("hearing"))?;
        let voice = self.voice.try_borrow().map_err(busy("speaking"))?;
        let (Some(writer), Some(zipped), Some(voice)) = (writer.as_mut(), zipped.as_mut(), voice.as_ref()) else {
            return Err(to_js(&Error::ModelMissing("load the voice first".into())));
        };
        self.cancelled.set(false);
        let cancelled = self.cancelled.clone();
        let mut tell = |samples: &[f32]| {
            let event = js_sys::Object::new();
            // Setting a property on a fresh object cannot fail.
            let _ = js_sys::Reflect::set(&event, &"kind".into(), &"audio".into());
            let _ = js_sys::Reflect::set(&event, &"samples".into(), &js_sys::Float32Array::from(samples));
            let _ = on_event.call1(&JsValue::NULL, &event);
            Ok(())
        };
        let said = zipped.say(writer, voice, &text, &options, &|| cancelled.get(), &mut tell).await;
        to_object(&said.map_err(|e| to_js(&e))?)
    }

    /// `text` as it is read aloud: `[{ start, end, spoken, paragraph }]`, a sentence or part of one each; `start` and `end` count UTF-16 units.
    pub fn readable(text: &str) -> JsResult<JsValue> {
        to_object(&crate::text::readable(text).map_err(|e| to_js(&e))?)
    }

    /// Bench: how fast the adapter reads memory at all.
    pub async fn bench_roofline(&self, megabytes: usize, times: usize) -> JsResult<JsValue> {
        to_object(&bench::roofline(&self.gpu, megabytes, times).await.map_err(|e| to_js(&e))?)
    }

    /// Bench: takes the text tower's GGUF once more, for the tower in plain burn operations.
    pub fn bench_plain_push(&self, shard: &[u8]) -> JsResult<()> {
        let device = self.gpu.burn().map_err(|e| to_js(&e))?;
        let mut loading = self.plain_loading.try_borrow_mut().map_err(busy("loading"))?;
        loading.get_or_insert_with(|| PlainLoader::new(&device)).push(shard).map_err(|e| to_js(&e))
    }

    /// Bench: continues `prompt` by `tokens` tokens in plain burn operations.
    pub async fn bench_plain(&self, prompt: Vec<u32>, tokens: usize) -> JsResult<JsValue> {
        if let Some(loader) = self.plain_loading.try_borrow_mut().map_err(busy("loading"))?.take() {
            let tower = loader.finish().map_err(|e| to_js(&e))?;
            *self.plain.try_borrow_mut().map_err(busy("the bench"))? = Some(tower);
        }
        let plain = self.plain.try_borrow().map_err(busy("the bench"))?;
        let tower = plain.as_ref().ok_or_else(|| to_js(&Error::ModelMissing("push the file first".into())))?;
        to_object(&bench::plain(tower, &prompt, tokens).await.map_err(|e| to_js(&e))?)
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
