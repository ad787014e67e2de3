// Zipper for a page: everything heavy happens in a worker, this is its typed front.
//
//     const zipper = await createZipper();
//     await zipper.load({ onProgress: (progress) => console.log(progress.loaded, progress.total) });
//     const { text } = await zipper.generate("Once upon a time", { maxTokens: 40, onToken: (token) => console.log(token.text) });

import { ZipperError, asZipperError } from "./errors.js";

/** @import { AdapterReport, Attention, EngineOptions, Generated, Heard, Piece, Progress, Reply, Said, Segment, TokenEvent, TowerReport, VoiceInfo } from "./protocol.js" */

/**
 * @typedef {object} LoadOptions
 * @property {(progress: Progress) => void} [onProgress]
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} GenerateOptions
 * @property {number} [maxTokens]
 * @property {number} [temperature] 0 takes the likeliest token
 * @property {number} [topK]
 * @property {number} [topP]
 * @property {number} [seed]
 * @property {boolean} [chat] the prompt is a turn of a conversation
 * @property {AbortSignal} [signal] stops the writing; what is written so far is the result
 * @property {(token: TokenEvent) => void} [onToken]
 *
 * @typedef {{ resolve: (value: any) => void, reject: (error: ZipperError) => void, onEvent?: ((event: any) => void) | undefined }} Waiting
 */

/**
 * Starts the worker and opens the graphics processor.
 * @param {EngineOptions} [options]
 * @returns {Promise<Zipper>}
 */
export async function createZipper(options = {}) {
  if (!("gpu" in navigator)) throw new ZipperError("no-webgpu", "this browser offers no WebGPU");
  const zipper = new Zipper();
  try {
    zipper.adapter = await zipper.call("open", [options]);
  } catch (error) {
    zipper.close();
    throw error;
  }
  return zipper;
}

/** One engine in one worker. Made by {@link createZipper}. */
export class Zipper {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "zipper" });
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #next = 0;
  #closed = false;

  constructor() {
    /** @type {AdapterReport} what the engine runs on */
    this.adapter = { name: "", vendor: "", architecture: "", backend: "", software: false, features: [], kernels: "", limits: {} };
    this.#worker.addEventListener("message", (/** @type {MessageEvent<Reply>} */ { data }) => this.#receive(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#end(new ZipperError("engine-stopped", event.message || "the worker could not be started"));
    });
  }

  /**
   * Whether what a task needs is already on this machine.
   * @param {"write" | "hear" | "speak"} [task]
   * @returns {Promise<boolean>}
   */
  isKept(task = "write") {
    return this.call("isKept", [task]);
  }

  /**
   * Downloads the text tower (or takes what is kept) and puts it on the graphics processor.
   * @param {LoadOptions} [options]
   * @returns {Promise<TowerReport>}
   */
  load({ onProgress, signal } = {}) {
    return this.#stoppable("load", [], "stopLoading", signal, onProgress);
  }

  /**
   * Everything that {@link hear} needs, the text tower among it.
   * @param {LoadOptions} [options]
   * @returns {Promise<void>}
   */
  loadHearing({ onProgress, signal } = {}) {
    return this.#stoppable("loadHearing", [], "stopLoading", signal, onProgress);
  }

  /**
   * Where somebody speaks. Needs no model to be loaded. For long recordings see `segments.js`.
   * @param {Float32Array} samples mono, 16 kHz
   * @returns {Promise<Segment[]>} none longer than 24 s
   */
  speechSegments(samples) {
    return this.call("speechSegments", [samples]);
  }

  /**
   * Everything that {@link say} needs, the text tower among it.
   * @param {LoadOptions} [options]
   * @returns {Promise<VoiceInfo[]>}
   */
  loadSpeaking({ onProgress, signal } = {}) {
    return this.#stoppable("loadSpeaking", [], "stopLoading", signal, onProgress);
  }

  /** @returns {Promise<VoiceInfo[]>} */
  voices() {
    return this.call("voices", []);
  }

  /**
   * A text of any length as it is read aloud, piece by piece; what numbers and signs mean is spelled out.
   * @param {string} text
   * @returns {Promise<Piece[]>}
   */
  readable(text) {
    return this.call("readable", [text]);
  }

  /**
   * Says one piece as {@link readable} gives it. For texts of any length see `say.js`.
   * @param {string} spoken
   * @param {{ voice?: string | undefined, seed?: number | undefined, temperature?: number | undefined, attention?: boolean, signal?: AbortSignal | undefined, onAudio?: (samples: Float32Array<ArrayBuffer>) => void }} [options]
   *   `onAudio` gets samples at 24 kHz, piece after piece
   * @returns {Promise<Said>}
   */
  say(spoken, { signal, onAudio, ...options } = {}) {
    const set = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
    return this.#stoppable("say", [spoken, set], "cancel", signal, (event) => {
      if (event.kind === "audio") onAudio?.(event.samples);
    });
  }

  /**
   * The words of one segment of speech. For recordings of any length see `transcribe.js`.
   * @param {Float32Array} samples mono, 16 kHz, at most 29 s
   * @param {{ signal?: AbortSignal, attention?: boolean, onText?: (text: string, attention?: Attention) => void }} [options] `attention`: also tell
   *   what each sub-word looks at
   * @returns {Promise<Heard>}
   */
  hear(samples, { signal, attention = false, onText } = {}) {
    return this.#stoppable("hear", [samples, { attention }], "cancel", signal, (event) => {
      if (event.kind === "text") onText?.(event.text, event.attention);
    });
  }

  /**
   * Continues `prompt`, or answers it when `chat` is set.
   * @param {string} prompt
   * @param {GenerateOptions} [options]
   * @returns {Promise<Generated>}
   */
  generate(prompt, { signal, onToken, ...options } = {}) {
    /** @type {Record<string, unknown>} */
    const given = {
      max_tokens: options.maxTokens,
      temperature: options.temperature,
      top_k: options.topK,
      top_p: options.topP,
      seed: options.seed,
      chat: options.chat,
    };
    const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
    return this.#stoppable("generate", [prompt, set], "cancel", signal, (event) => {
      if (event.kind === "token") onToken?.(event);
    });
  }

  /** Stops the writing under way; harmless when there is none. @returns {Promise<void>} */
  cancel() {
    return this.call("cancel", []);
  }

  /** @param {string} text @returns {Promise<Uint32Array>} */
  tokenize(text) {
    return this.call("tokenize", [text]);
  }

  /** @param {Uint32Array} ids @returns {Promise<string>} */
  detokenize(ids) {
    return this.call("detokenize", [ids]);
  }

  /** Ends the worker and frees the graphics processor. */
  close() {
    this.#end(new ZipperError("closed", "this Zipper was closed"));
  }

  /**
   * One call into the worker.
   * @param {string} method
   * @param {unknown[]} args
   * @param {(event: any) => void} [onEvent]
   * @returns {Promise<any>}
   */
  call(method, args, onEvent) {
    if (this.#closed) return Promise.reject(new ZipperError("closed", "this Zipper was closed"));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onEvent });
      this.#worker.postMessage({ id, method, args });
    });
  }

  /**
   * A call that `signal` stops by another call.
   * @param {string} method
   * @param {unknown[]} args
   * @param {string} stop
   * @param {AbortSignal | undefined} signal
   * @param {((event: any) => void) | undefined} onEvent
   */
  async #stoppable(method, args, stop, signal, onEvent) {
    if (signal?.aborted) throw new ZipperError("cancelled", "cancelled before it began");
    const halt = () => void this.call(stop, []).catch(() => {});
    signal?.addEventListener("abort", halt, { once: true });
    try {
      return await this.call(method, args, onEvent);
    } finally {
      signal?.removeEventListener("abort", halt);
    }
  }

  /** @param {Reply} reply */
  #receive(reply) {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if ("event" in reply) {
      waiting.onEvent?.(reply.event);
      return;
    }
    this.#waiting.delete(reply.id);
    if (reply.error) waiting.reject(asZipperError(reply.error));
    else waiting.resolve(reply.value);
  }

  /** @param {ZipperError} error */
  #end(error) {
    this.#closed = true;
    this.#worker.terminate();
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
