// <zipper-speech>: speech to text, text to speech, or a conversation, in any page, with one script tag. Put `dist/` on the page's own site: browsers start no worker from another.
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
// | `tokens` | of the longest answer; 60 if none is given, two or three sentences |
// | `label` | the button's words |
//
// | event (bubbles) | `detail` |
// | --- | --- |
// | `zipper-progress` | bytes loaded and total |
// | `zipper-text` | `{ text }`, so far |
// | `zipper-answer` | `{ text }` of the answer, so far |
// | `zipper-result` | of `transcribe` the transcript; of `speak` `{ text, seconds, rtf, first_sound_ms, cancelled, stops, timings }`;
// |  | of `converse` `{ heard, answer, spoken, cancelled }`: a transcript, a text, and of its sound what `speak` tells. Stopped early: what there is by then |
// | `zipper-audio-start`, `zipper-audio-end` | `{ text }`: sound is heard, and no more |
// | `zipper-error` | `{ code, message, remedy }`; `code` is `cancelled` where it was stopped before there was anything |
//
// One button: it begins, ends a recording, stops what goes on. Escape stops, too, and throws a recording away.
// Nothing is loaded before it is used. Nothing leaks: style and elements live in a shadow tree, no global is set. All elements of a
// page share one engine.

import { takeTurn } from "./conversation.js";
import { tell } from "./dom.js";
import { ZipperError, asZipperError } from "./errors.js";
import { Player } from "./player.js";
import { record } from "./record.js";
import { say } from "./say.js";
import { transcribe } from "./transcribe.js";
import { turn } from "./turns.js";
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
const STAGES = { listening: "Listening", thinking: "Thinking", speaking: "Speaking" };

/** What a job gives, as `zipper-result` tells it. @typedef {object} Outcome */

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
  static observedAttributes = ["src", "label", "task"];

  #button = document.createElement("button");
  #state = document.createElement("p");
  #text = document.createElement("div");
  /** Stops the job under way. @type {AbortController | undefined} */
  #job;
  /** Ends the recording under way, which is then listened to. @type {(() => void) | undefined} */
  #done;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    this.#button.type = "button";
    this.#button.addEventListener("click", () => {
      if (this.#done) this.#done();
      else if (this.#job) this.#job.abort();
      else void this.#run((signal) => this.#begin(signal));
    });
    root.addEventListener("keydown", (event) => {
      if (/** @type {KeyboardEvent} */ (event).key === "Escape") this.#job?.abort();
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
  }

  disconnectedCallback() {
    // Nobody could stop what goes on; an element that is only moved is back in a moment.
    queueMicrotask(() => {
      if (!this.isConnected) this.#job?.abort();
    });
  }

  /**
   * @param {string} name
   * @param {string | null} _before
   * @param {string | null} value
   */
  attributeChangedCallback(name, _before, value) {
    if (name !== "src") this.#name();
    // An answer is heard, and only a click allows that.
    else if (value && this.#task === "transcribe") void this.#run(async (signal) => this.#hear(await this.#download(value, signal), signal));
  }

  /** The one button ends the recording, stops the rest, or begins. */
  #name() {
    const idle = this.getAttribute("label") ?? WORDS[this.#task] ?? "Speak";
    this.#button.textContent = this.#done ? "I am done" : this.#job ? "Stop" : idle;
  }

  /**
   * What a click begins.
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  async #begin(signal) {
    const source = this.getAttribute("src");
    if (this.#task === "speak") return await this.#sounding((player) => this.#say(player, signal));
    if (this.#task === "transcribe") return await this.#hear(await this.#record(signal), signal);
    return await this.#sounding(async (player) => {
      const question = source ? await this.#download(source, signal) : await this.#record(signal);
      return await this.#answer(question, player, signal);
    });
  }

  /** @param {string} source @param {AbortSignal} signal */
  async #download(source, signal) {
    const response = await fetch(source, { signal }).catch(() => undefined);
    if (signal.aborted) throw new ZipperError("cancelled", "the download was stopped");
    if (!response?.ok) throw new ZipperError("download-failed", `${source} could not be downloaded`);
    return await response.blob();
  }

  /** What is said until the button is pressed again. @param {AbortSignal} signal */
  async #record(signal) {
    try {
      return await record(signal, {
        begin: (done) => {
          this.#done = done;
          this.#name();
        },
        level: ({ dead, seconds }) => tell(this.#state, dead ? "The microphone delivers silence: is it muted?" : "Speak.", ` ${Math.floor(seconds)} s`),
      });
    } finally {
      this.#done = undefined;
      this.#name();
    }
  }

  /**
   * @param {Blob | Float32Array<ArrayBuffer>} sound
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  async #hear(sound, signal) {
    const zipper = await sharedEngine();
    await zipper.loadHearing({ signal, onProgress: this.#progress });
    this.#stage("Listening", zipper);
    const transcript = await transcribe(zipper, sound, {
      signal,
      onText: (text) => {
        this.#text.textContent = text;
        this.#tell("zipper-text", { text });
      },
    });
    this.#text.textContent = transcript.text;
    return transcript;
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
      await player.close();
    }
  }

  /** The engine with speaking loaded. @param {AbortSignal} signal */
  async #speaker(signal) {
    const zipper = await sharedEngine();
    if (this.#task === "converse") await zipper.loadHearing({ signal, onProgress: this.#progress });
    await zipper.loadSpeaking({ signal, onProgress: this.#progress });
    return zipper;
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
        if (!begun) return;
        player.finish();
        await end;
        this.#tell("zipper-audio-end", { text: text() });
      },
    };
  }

  /**
   * Says the element's own words.
   * @param {Player} player
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  async #say(player, signal) {
    const text = this.textContent ?? "";
    const zipper = await this.#speaker(signal);
    this.#stage("Speaking", zipper);
    const voice = this.getAttribute("voice");
    const { onAudio, end } = this.#heard(player, signal, () => text);
    const spoken = await say(zipper, text, { ...(voice ? { voice } : {}), signal, onAudio });
    await end();
    return { text, ...figures(spoken) };
  }

  /**
   * Answers what was said.
   * @param {Blob | Float32Array<ArrayBuffer>} sound
   * @param {Player} player
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  async #answer(sound, player, signal) {
    const zipper = await this.#speaker(signal);
    const [showHeard, showAnswer] = [turn(this.#text, "You"), turn(this.#text, "Zipper")];
    let said = "";
    const { onAudio, end } = this.#heard(player, signal, () => said);
    const { heard, answer, spoken } = await takeTurn(zipper, sound, {
      voice: this.getAttribute("voice") ?? undefined,
      maxTokens: Number(this.getAttribute("tokens")) || undefined,
      signal,
      onStage: (stage) => this.#stage(STAGES[stage], zipper),
      onHeard: (text) => {
        showHeard(text);
        this.#tell("zipper-text", { text });
      },
      onAnswer: (text) => {
        said = text;
        showAnswer(text);
        this.#tell("zipper-answer", { text });
      },
      onAudio,
    });
    await end();
    return { heard, answer, spoken: spoken && figures(spoken), cancelled: signal.aborted };
  }

  /** @param {string} doing @param {Zipper} zipper */
  #stage(doing, zipper) {
    tell(this.#state, zipper.adapter.software ? `${doing} (without a graphics processor, slowly)…` : `${doing}…`);
  }

  /** @param {Progress} progress */
  #progress = (progress) => {
    tell(this.#state, "Loading", ` ${Math.round((100 * progress.loaded) / progress.total)} %`);
    this.#tell("zipper-progress", progress);
  };

  /**
   * One job at a time.
   * @param {(signal: AbortSignal) => Promise<Outcome>} job
   */
  async #run(job) {
    if (this.#job) return;
    this.#job = new AbortController();
    this.#name();
    this.#text.replaceChildren();
    // Read to whoever does not see it when it is whole, not word by word.
    this.#text.setAttribute("aria-busy", "true");
    const outcome = await job(this.#job.signal).catch(asZipperError);
    // All is at rest before the page is told: it may begin anew at once.
    this.#job = undefined;
    this.#name();
    this.#text.setAttribute("aria-busy", "false");
    if (outcome instanceof ZipperError) {
      this.#fail(outcome);
      return;
    }
    tell(this.#state, "");
    this.#tell("zipper-result", outcome);
  }

  /** @param {ZipperError} error */
  #fail(error) {
    const { code, message, remedy, sentence } = error;
    if (code === "device-lost" || code === "engine-stopped") engine = undefined;
    tell(this.#state, code === "cancelled" ? "Stopped." : `${sentence} ${remedy}`);
    this.#tell("zipper-error", { code, message, remedy });
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

if (!customElements.get("zipper-speech")) customElements.define("zipper-speech", ZipperSpeech);
