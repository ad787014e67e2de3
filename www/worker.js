// Where the engine lives: a module worker. Takes one request a message, answers with its id; events come in between.

import init, { Engine } from "../zipper.js";
import { ZipperError, asZipperError } from "./errors.js";
import { ShardStore } from "./store.js";

/** @import { EngineOptions, Progress, Reply, Request, TowerReport } from "./protocol.js" */
/** @typedef {(event: unknown) => void} Tell */
/** @typedef {{ result: Promise<unknown>, listeners: Set<Tell>, abort: AbortController }} Loading */

const TEXT_TOWER = "smollm2-135m-instruct-q4_1";
/** What zips the towers, what hearing needs beyond that, and what speaking: the engine's names of the parts, and the models that hold them. */
const ZIP = { speech_tower: "zipper-en/speech_tower", zip: "zipper-en/zip" };
const HEARING = { encoder: "whisper-base-encoder", quantizer: "zipper-en/quantizer", speller: "zipper-en/speller" };
const SPEAKING = { voice: "zipper-en/voice" };
/** The models of each task beside the text tower. @type {Record<string, Record<string, string>>} */
const NEEDED = { write: {}, hear: { ...ZIP, ...HEARING }, speak: { ...ZIP, ...SPEAKING } };

const store = new ShardStore(new URL("../models/", self.location.href));

/** @type {Promise<Engine> | undefined} */
let engine;
/** What is being loaded or is loaded, by task. @type {Map<string, Loading>} */
const loadings = new Map();
/** What the engine is at, if anything. @type {string | undefined} */
let work;

async function opened() {
  if (!engine) throw new ZipperError("model-missing", "the engine is not open");
  return await engine;
}

/** @type {Record<string, (tell: Tell, ...args: any[]) => unknown>} */
const methods = {
  /** @param {EngineOptions} options */
  async open(_tell, options) {
    engine ??= init().then(() => Engine.open(options));
    try {
      return (await engine).adapter();
    } catch (error) {
      engine = undefined;
      throw error;
    }
  },

  isKept: async (_tell, task) => {
    const models = [TEXT_TOWER, ...Object.values(NEEDED[task] ?? {})];
    return (await Promise.all(models.map((model) => store.isKept(model)))).every(Boolean);
  },

  load: (tell) => shared("write", tell, loadTextTower),
  loadHearing: (tell) => shared("hear", tell, loadHearing),
  loadSpeaking: (tell) => shared("speak", tell, loadSpeaking),
  stopLoading: () => loadings.forEach(({ abort }) => abort.abort()),

  generate: (tell, prompt, options) => alone("writing", (ready) => ready.generate(prompt, options, tell)),
  speechSegments: async (_tell, samples) => (await opened()).speech_segments(samples),
  hear: (tell, samples, options) => alone("hearing", (ready) => ready.transcribe(samples, options, tell)),

  say: (tell, text, options) => alone("speaking", (ready) => ready.say(text, options, tell)),
  voices: async () => (await opened()).voices(),
  readable: async (_tell, text) => {
    await init();
    return Engine.readable(text);
  },

  async cancel() {
    (await engine)?.cancel();
  },

  tokenize: async (_tell, text) => (await opened()).tokenize(text),
  detokenize: async (_tell, ids) => (await opened()).detokenize(ids),
  // For the bench: how fast the adapter reads memory, and the tower in plain burn operations.
  benchRoofline: (_tell, megabytes, times) => alone("measuring", (ready) => ready.bench_roofline(megabytes, times)),
  benchPlain: (_tell, prompt, tokens) =>
    alone("measuring", async (ready) => {
      const manifest = await store.manifest(TEXT_TOWER);
      for await (const shard of store.shards(manifest, TEXT_TOWER)) ready.bench_plain_push(shard);
      return await ready.bench_plain(prompt, tokens);
    }),
  shaderSources: async () => {
    await init();
    return Engine.shader_sources();
  },
};

/**
 * One job at a time: there is one device, and its buffers serve one job.
 * @template T
 * @param {string} what
 * @param {(engine: Engine) => Promise<T>} job
 */
async function alone(what, job) {
  const ready = await opened();
  if (work) throw new ZipperError("busy", `the engine is already ${work}`);
  work = what;
  try {
    return await job(ready);
  } finally {
    work = undefined;
  }
}

/**
 * Asked for twice at once, something is loaded once and both are told. What failed may be tried again; what is loaded stays.
 * @param {string} task
 * @param {Tell} tell
 * @param {(signal: AbortSignal, tell: Tell) => Promise<unknown>} load
 */
async function shared(task, tell, load) {
  let loading = loadings.get(task);
  if (!loading) {
    const abort = new AbortController();
    /** @type {Set<Tell>} */
    const listeners = new Set();
    const result = load(abort.signal, (event) => listeners.forEach((listener) => listener(event)));
    loading = { result, listeners, abort };
    loadings.set(task, loading);
    result.catch(() => loadings.delete(task));
  }
  loading.listeners.add(tell);
  return await loading.result;
}

/**
 * @param {AbortSignal} signal
 * @param {Tell} tell
 * @returns {Promise<TowerReport>}
 */
async function loadTextTower(signal, tell) {
  const ready = await opened();
  const manifest = await store.manifest(TEXT_TOWER, signal);
  ready.text_tower_begin(manifest);
  for await (const shard of store.shards(manifest, TEXT_TOWER, { signal, onProgress: tell })) {
    await ready.text_tower_push(shard);
    if (signal.aborted) throw new ZipperError("cancelled", "the download was cancelled");
  }
  return await ready.text_tower_finish();
}

/**
 * Hands the engine the files of some parts; the progress is that of all of them together.
 * @param {Record<string, string>} files
 * @param {string} name of the progress
 * @param {AbortSignal} signal
 * @param {Tell} tell
 */
async function loadParts(files, name, signal, tell) {
  const ready = await opened();
  const parts = await Promise.all(
    Object.entries(files).map(async ([part, model]) => ({ part, model, manifest: await store.manifest(model, signal) })),
  );
  const total = parts.reduce((sum, { manifest }) => sum + manifest.bytes, 0);
  let before = 0;
  for (const { part, model, manifest } of parts) {
    const base = before;
    /** @param {Progress} progress */
    const onProgress = (progress) => tell({ ...progress, model: name, loaded: base + progress.loaded, total });
    let restart = true;
    for await (const shard of store.shards(manifest, model, { signal, onProgress })) {
      ready.part_push(part, shard, restart);
      restart = false;
      if (signal.aborted) throw new ZipperError("cancelled", "the download was cancelled");
    }
    before += manifest.bytes;
  }
}

/**
 * The towers, zipped; the text tower too where it is not in yet.
 * @param {AbortSignal} signal
 * @param {Tell} tell
 */
async function loadZip(signal, tell) {
  const ready = await opened();
  await shared("write", tell, loadTextTower);
  const config = await store.text("zipper-en/config.json", signal);
  await loadParts(ZIP, "zip", signal, tell);
  await ready.zip_finish(config);
}

/**
 * Everything that hearing needs.
 * @param {AbortSignal} signal
 * @param {Tell} tell
 */
async function loadHearing(signal, tell) {
  const ready = await opened();
  await shared("zip", tell, loadZip);
  await loadParts(HEARING, "hearing", signal, tell);
  await ready.hearing_finish();
}

/**
 * Everything that speaking needs.
 * @param {AbortSignal} signal
 * @param {Tell} tell
 */
async function loadSpeaking(signal, tell) {
  const ready = await opened();
  await shared("zip", tell, loadZip);
  const config = await store.text("zipper-en/voice.json", signal);
  await loadParts(SPEAKING, "voice", signal, tell);
  await ready.speaking_finish(config);
  return ready.voices();
}

/** @param {Reply} reply */
const send = (reply) => self.postMessage(reply);

self.addEventListener("message", async (/** @type {MessageEvent<Request>} */ message) => {
  const { id, method, args } = message.data;
  try {
    const run = methods[method];
    if (!run) throw new ZipperError("bad-option", `the worker has no method ${method}`);
    send({ id, value: await run((event) => send({ id, event }), ...args) });
  } catch (thrown) {
    const { code, message: text } = asZipperError(thrown);
    send({ id, error: { code, message: text } });
  }
});
