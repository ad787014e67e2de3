// Where the engine lives: a module worker. Takes one request a message, answers with its id; events come in between.

import init, { Engine } from "../zipper.js";
import { ZipperError, asZipperError } from "./errors.js";
import { ShardStore } from "./store.js";

/** @import { EngineOptions, Reply, Request, TowerReport } from "./protocol.js" */
/** @typedef {(event: unknown) => void} Tell */

const TEXT_TOWER = "smollm2-135m-instruct-q4_1";

const store = new ShardStore(new URL("../models/", self.location.href));

/** @type {Promise<Engine> | undefined} */
let engine;
/** @type {{ result: Promise<TowerReport>, listeners: Set<Tell>, abort: AbortController } | undefined} */
let loading;
let generating = false;

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

  isKept: () => store.isKept(TEXT_TOWER),

  // Asked for twice at once, the model is loaded once and both are told.
  async load(tell) {
    if (!loading) {
      const abort = new AbortController();
      /** @type {Set<Tell>} */
      const listeners = new Set();
      const result = loadTextTower(abort.signal, (event) => listeners.forEach((listener) => listener(event)));
      const mine = { result, listeners, abort };
      loading = mine;
      // A failed or finished loading may be repeated.
      const over = () => {
        if (loading === mine) loading = undefined;
      };
      result.then(over, over);
    }
    loading.listeners.add(tell);
    return await loading.result;
  },

  stopLoading: () => loading?.abort.abort(),

  async generate(tell, prompt, options) {
    const ready = await opened();
    if (generating) throw new ZipperError("busy", "the engine is already writing");
    generating = true;
    try {
      return await ready.generate(prompt, options, tell);
    } finally {
      generating = false;
    }
  },

  async cancel() {
    (await engine)?.cancel();
  },

  tokenize: async (_tell, text) => (await opened()).tokenize(text),
  detokenize: async (_tell, ids) => (await opened()).detokenize(ids),
  shaderSources: async () => {
    await init();
    return Engine.shader_sources();
  },
};

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
