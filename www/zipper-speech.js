// <zipper-speech>: speech to text, or text to speech, in any page, with one script tag. Put `dist/` on the page's own site: browsers start no worker from another.
//
//     <script type="module" src="/zipper/www/zipper-speech.js"></script>
//     <zipper-speech></zipper-speech>
//     <zipper-speech task="speak">Words that a click lets you hear.</zipper-speech>
//
// | attribute | |
// | --- | --- |
// | `task` | `transcribe` (if none is given) or `speak` |
// | `src` | a recording to transcribe as soon as the model is in |
// | `voice` | the voice's name, to speak with |
// | `label` | the button's words |
//
// | event (bubbles) | `detail` |
// | --- | --- |
// | `zipper-progress` | bytes loaded and total |
// | `zipper-text` | `{ text }`, so far |
// | `zipper-result` | the whole transcript; or `{ text, seconds, rtf, first_sound_ms, cancelled, stops, timings }` of what was spoken |
// | `zipper-audio-start`, `zipper-audio-end` | `{ text }`: sound is heard, and no more |
// | `zipper-error` | `{ code, message, remedy }` |
//
// Nothing is loaded before it is used. Nothing leaks: style and elements live in a shadow tree, no global is set. All elements of a
// page share one engine.

import { Microphone } from "./audio.js";
import { ZipperError, asZipperError } from "./errors.js";
import { Player } from "./player.js";
import { say } from "./say.js";
import { transcribe } from "./transcribe.js";
import { createZipper } from "./zipper.js";

/** @import { Progress } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

const STYLE = `
  :host { display: inline-grid; gap: 0.4em; font: inherit; }
  button { font: inherit; padding: 0.5em 1em; border-radius: 2em; border: 1px solid currentColor; background: none; color: inherit; cursor: pointer; }
  button:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
  p { margin: 0; min-height: 1.4em; }
  .state { font-size: 0.85em; opacity: 0.75; }
`;

/** @type {Promise<Zipper> | undefined} */
let engine;

/** The page's one engine; after a failure the next use tries anew. */
function sharedEngine() {
  engine ??= createZipper();
  engine.catch(() => {
    engine = undefined;
  });
  return engine;
}

/** The element. */
export class ZipperSpeech extends HTMLElement {
  static observedAttributes = ["src", "label"];

  #button = document.createElement("button");
  #state = document.createElement("p");
  #text = document.createElement("p");
  /** Ends the recording, or the speaking. @type {AbortController | undefined} */
  #stop;
  #busy = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    this.#button.type = "button";
    this.#button.addEventListener("click", () => {
      if (this.#stop) this.#stop.abort();
      else void this.#run(() => (this.#speaks ? this.#say() : this.#record()));
    });
    this.#state.className = "state";
    this.#state.setAttribute("role", "status");
    this.#text.setAttribute("aria-live", "polite");
    // What is to be said stays to be read.
    root.append(document.createElement("slot"), this.#button, this.#state, this.#text);
    this.#name();
  }

  get #speaks() {
    return this.getAttribute("task") === "speak";
  }

  connectedCallback() {
    const task = this.getAttribute("task") ?? "transcribe";
    if (task !== "transcribe" && task !== "speak") this.#fail(new ZipperError("bad-option", `task is ${task}, expected transcribe or speak`));
    this.#name();
  }

  /**
   * @param {string} name
   * @param {string | null} _before
   * @param {string | null} value
   */
  attributeChangedCallback(name, _before, value) {
    if (name === "label") this.#name();
    else if (value) void this.#run(() => this.#fetch(value));
  }

  #name() {
    this.#button.textContent = this.#stop ? "Stop" : (this.getAttribute("label") ?? (this.#speaks ? "Hear it" : "Speak"));
  }

  /** @param {string} source */
  async #fetch(source) {
    const response = await fetch(source).catch(() => undefined);
    if (!response?.ok) throw new ZipperError("download-failed", `${source} could not be downloaded`);
    return await this.#hear(await response.blob());
  }

  async #record() {
    const microphone = new Microphone();
    const recording = new AbortController();
    this.#stoppable(recording);
    try {
      await microphone.open(({ dead, seconds }) => {
        this.#state.textContent = dead ? "The microphone delivers silence." : `${Math.floor(seconds)} s`;
      });
      await new Promise((resolve) => recording.signal.addEventListener("abort", resolve, { once: true }));
      return await this.#hear(await microphone.samples());
    } finally {
      this.#stoppable(undefined);
      await microphone.close();
    }
  }

  /** @param {Blob | Float32Array<ArrayBuffer>} sound */
  async #hear(sound) {
    const zipper = await sharedEngine();
    await zipper.loadHearing({ onProgress: this.#progress });
    this.#state.textContent = zipper.adapter.software ? "Listening (without a graphics processor, slowly)…" : "Listening…";
    return await transcribe(zipper, sound, {
      onText: (text) => {
        this.#text.textContent = text;
        this.#tell("zipper-text", { text });
      },
    });
  }

  /** Says the element's own words. */
  async #say() {
    const text = this.textContent ?? "";
    const stop = new AbortController();
    const { signal } = stop;
    const player = new Player();
    this.#stoppable(stop);
    try {
      // First of all: the click that allows sound must not grow old.
      await player.open();
      const zipper = await sharedEngine();
      await zipper.loadSpeaking({ signal, onProgress: this.#progress });
      this.#state.textContent = zipper.adapter.software ? "Speaking (without a graphics processor, slowly)…" : "Speaking…";
      const end = new Promise((resolve) => {
        player.onEnd = () => resolve(undefined);
        signal.addEventListener("abort", resolve, { once: true });
      });
      const voice = this.getAttribute("voice");
      let begun = false;
      const { seconds, rtf, first_sound_ms, cancelled, stops, timings } = await say(zipper, text, {
        ...(voice ? { voice } : {}),
        signal,
        onAudio: (samples) => {
          player.add(samples);
          if (!begun) this.#tell("zipper-audio-start", { text });
          begun = true;
        },
      });
      player.finish();
      await end;
      this.#tell("zipper-audio-end", { text });
      return { text: "", detail: { text, seconds, rtf, first_sound_ms, cancelled, stops, timings } };
    } finally {
      this.#stoppable(undefined);
      await player.close();
    }
  }

  /** @param {AbortController | undefined} stop */
  #stoppable(stop) {
    this.#stop = stop;
    this.#name();
  }

  /** @param {Progress} progress */
  #progress = (progress) => {
    this.#state.textContent = `${Math.round((100 * progress.loaded) / progress.total)} % loaded`;
    this.#tell("zipper-progress", progress);
  };

  /**
   * One job at a time.
   * @param {() => Promise<{ text: string, detail?: unknown }>} job `text` is shown, `detail` (or all of it) told
   */
  async #run(job) {
    if (this.#busy) return;
    this.#busy = true;
    this.#text.textContent = "";
    try {
      const result = await job();
      this.#text.textContent = result.text;
      this.#state.textContent = "";
      this.#tell("zipper-result", result.detail ?? result);
    } catch (thrown) {
      this.#fail(asZipperError(thrown));
    } finally {
      this.#busy = false;
    }
  }

  /** @param {ZipperError} error */
  #fail(error) {
    const { code, message, remedy } = error;
    if (code === "device-lost" || code === "engine-stopped") engine = undefined;
    this.#state.textContent = `${message}. ${remedy}`;
    this.#tell("zipper-error", { code, message, remedy });
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("zipper-speech")) customElements.define("zipper-speech", ZipperSpeech);
