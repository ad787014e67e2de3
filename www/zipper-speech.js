// <zipper-speech>: speech to text, or text to speech, in any page, with one script tag. Put `dist/` on the page's own site: browsers start no worker from another.
//
//     <script type="module" src="/zipper/www/zipper-speech.js"></script>
//     <zipper-speech></zipper-speech>
//     <zipper-speech task="speak">Words that a click lets you hear.</zipper-speech>
//     <zipper-speech task="converse"></zipper-speech>
//
// | attribute | |
// | --- | --- |
// | `task` | `transcribe` (if none is given), `speak` or `converse`: what is said is answered aloud |
// | `src` | a recording to transcribe, or to answer, instead of the microphone |
// | `voice` | the voice's name, to speak with |
// | `speed` | pace of the speech, 0.5 to 2 |
// | `label` | the button's words |
//
// | event (bubbles) | `detail` |
// | --- | --- |
// | `zipper-progress` | bytes loaded and total |
// | `zipper-text` | `{ text }`, so far |
// | `zipper-answer` | `{ text }` of the answer, so far |
// | `zipper-result` | the whole transcript; or `{ text, seconds, rtf, first_sound_ms, cancelled, stops, timings }` of what was spoken; or `{ heard, answer,
// |  | spoken }`, a transcript, a text and what was spoken of it |
// | `zipper-audio-start`, `zipper-audio-end` | `{ text }`: sound is heard, and no more |
// | `zipper-error` | `{ code, message, remedy }` |
//
// Nothing is loaded before it is used. Nothing leaks: style and elements live in a shadow tree, no global is set. All elements of a
// page share one engine.

import { Microphone } from "./audio.js";
import { takeTurn } from "./conversation.js";
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

/** The button's words, by task. @type {Record<string, string>} */
const WORDS = { transcribe: "Speak", speak: "Hear it", converse: "Say something" };
const STAGES = { listening: "Listening…", thinking: "Thinking…", speaking: "Speaking…" };

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

/** What is told of a sound, without the sound. @param {import("./say.js").Spoken} spoken */
function figures({ seconds, rtf, first_sound_ms, cancelled, stops, timings }) {
  return { seconds, rtf, first_sound_ms, cancelled, stops, timings };
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
      else void this.#run(() => this.#begin());
    });
    this.#state.className = "state";
    this.#state.setAttribute("role", "status");
    this.#text.setAttribute("aria-live", "polite");
    // What is to be said stays to be read.
    root.append(document.createElement("slot"), this.#button, this.#state, this.#text);
    this.#name();
  }

  get #task() {
    return this.getAttribute("task") ?? "transcribe";
  }

  connectedCallback() {
    if (!(this.#task in WORDS)) this.#fail(new ZipperError("bad-option", `task is ${this.#task}, expected transcribe, speak or converse`));
    this.#name();
  }

  /** What a click begins. @returns {Promise<{ text: string, detail?: unknown }>} */
  async #begin() {
    const source = this.getAttribute("src");
    if (this.#task === "speak") return await this.#say();
    if (this.#task === "transcribe") return await this.#record((sound) => this.#hear(sound));
    return await this.#sounding((player) =>
      source ? this.#download(source).then((sound) => this.#answer(sound, player)) : this.#record((sound) => this.#answer(sound, player)),
    );
  }

  /**
   * @param {string} name
   * @param {string | null} _before
   * @param {string | null} value
   */
  attributeChangedCallback(name, _before, value) {
    if (name === "label") this.#name();
    // An answer is heard, and only a click allows that.
    else if (value && this.#task !== "converse") void this.#run(async () => this.#hear(await this.#download(value)));
  }

  #name() {
    this.#button.textContent = this.#stop ? "Stop" : (this.getAttribute("label") ?? WORDS[this.#task] ?? "Speak");
  }

  /** @param {string} source */
  async #download(source) {
    const response = await fetch(source).catch(() => undefined);
    if (!response?.ok) throw new ZipperError("download-failed", `${source} could not be downloaded`);
    return await response.blob();
  }

  /**
   * What the microphone hears until the button is pressed again goes to `use`.
   * @template T
   * @param {(sound: Float32Array<ArrayBuffer>) => Promise<T>} use
   */
  async #record(use) {
    const microphone = new Microphone();
    const recording = new AbortController();
    this.#stoppable(recording);
    try {
      await microphone.open(({ dead, seconds }) => {
        this.#state.textContent = dead ? "The microphone delivers silence." : `${Math.floor(seconds)} s`;
      });
      await new Promise((resolve) => recording.signal.addEventListener("abort", resolve, { once: true }));
      const samples = await microphone.samples();
      await microphone.close();
      this.#stoppable(undefined);
      return await use(samples);
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

  /**
   * A job with a loudspeaker.
   * @template T
   * @param {(player: Player) => Promise<T>} job
   */
  async #sounding(job) {
    const player = new Player();
    try {
      // First of all: the click that allows sound must not grow old.
      await player.open();
      const speed = Number(this.getAttribute("speed") ?? 1);
      player.speed = speed >= 0.5 && speed <= 2 ? speed : 1;
      return await job(player);
    } finally {
      this.#stoppable(undefined);
      await player.close();
    }
  }

  /**
   * The engine with speaking loaded, and a way to stop it.
   * @returns {Promise<{ zipper: Zipper, signal: AbortSignal }>}
   */
  async #speaker() {
    const stop = new AbortController();
    this.#stoppable(stop);
    const zipper = await sharedEngine();
    await zipper.loadSpeaking({ signal: stop.signal, onProgress: this.#progress });
    return { zipper, signal: stop.signal };
  }

  /**
   * Plays what comes, and tells when it is heard.
   * @param {Player} player
   * @param {AbortSignal} signal
   * @param {() => string} text
   */
  #heard(player, signal, text) {
    let begun = false;
    const end = new Promise((resolve) => {
      player.onEnd = () => resolve(undefined);
      signal.addEventListener("abort", resolve, { once: true });
    });
    return {
      onAudio: (/** @type {Float32Array} */ samples) => {
        player.add(samples);
        if (!begun) this.#tell("zipper-audio-start", { text: text() });
        begun = true;
      },
      end: async () => {
        player.finish();
        if (begun) await end;
        this.#tell("zipper-audio-end", { text: text() });
      },
    };
  }

  /** Says the element's own words. */
  #say() {
    return this.#sounding(async (player) => {
      const text = this.textContent ?? "";
      const { zipper, signal } = await this.#speaker();
      this.#state.textContent = zipper.adapter.software ? "Speaking (without a graphics processor, slowly)…" : "Speaking…";
      const voice = this.getAttribute("voice");
      const { onAudio, end } = this.#heard(player, signal, () => text);
      const spoken = await say(zipper, text, { ...(voice ? { voice } : {}), signal, onAudio });
      await end();
      return { text: "", detail: { text, ...figures(spoken) } };
    });
  }

  /**
   * Answers what was said.
   * @param {Blob | Float32Array<ArrayBuffer>} sound
   * @param {Player} player
   */
  async #answer(sound, player) {
    const { zipper, signal } = await this.#speaker();
    let [question, answer] = ["", ""];
    const show = () => (this.#text.textContent = answer ? `${question} — ${answer}` : question);
    const { onAudio, end } = this.#heard(player, signal, () => answer);
    const turn = await takeTurn(zipper, sound, {
      voice: this.getAttribute("voice") ?? undefined,
      signal,
      onStage: (stage) => (this.#state.textContent = STAGES[stage]),
      onHeard: (text) => {
        question = text;
        show();
        this.#tell("zipper-text", { text });
      },
      onAnswer: (text) => {
        answer = text;
        show();
        this.#tell("zipper-answer", { text });
      },
      onAudio,
    });
    if (turn.spoken) await end();
    return { text: `${question} — ${answer}`, detail: { heard: turn.heard, answer: turn.answer, spoken: turn.spoken && figures(turn.spoken) } };
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
