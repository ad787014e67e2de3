// Sound that is heard while it is still being made.

import { ZipperError } from "./errors.js";
import { SPEECH_RATE } from "./wav.js";

/** How long a context may take to start before it counts as blocked, ms. */
const PATIENCE = 1500;

/** One utterance: add samples as they come, pause, seek. */
export class Player {
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {AudioWorkletNode | undefined} */
  #node;
  #paused = false;
  /** Tells the end when the ear has it. @type {ReturnType<typeof setTimeout> | undefined} */
  #ending;
  #speed = 1;
  /** Seconds added so far. */
  length = 0;
  /** Seconds heard so far. */
  position = 0;
  /** @type {(seconds: number) => void} about twenty times a second */
  onTime = () => {};
  /** @type {() => void} when all was heard */
  onEnd = () => {};

  /** Gets the loudspeaker. Only a click allows that; without one the browser says no. */
  async open() {
    // The context resamples for the device.
    const context = new AudioContext({ sampleRate: SPEECH_RATE });
    this.#context = context;
    await context.audioWorklet.addModule(new URL("./worklets/playback.js", import.meta.url));
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([context.resume(), late]);
    if (context.state !== "running") {
      await this.close();
      throw new ZipperError("audio-blocked", "the browser plays no sound before the page was clicked");
    }
    const node = new AudioWorkletNode(context, "zipper-playback", { numberOfInputs: 0, outputChannelCount: [1] });
    node.port.onmessage = (/** @type {MessageEvent<{ kind: string, seconds: number }>} */ { data }) => {
      this.position = data.seconds;
      this.onTime(data.seconds);
      // What was handed over last is still on its way to the ear.
      if (data.kind === "ended") this.#ending = setTimeout(() => this.onEnd(), 1000 * (context.baseLatency + (context.outputLatency || 0)));
      // Whoever goes back at the last moment wants to hear it again.
      if (data.kind === "moved") clearTimeout(this.#ending);
    };
    node.port.postMessage({ speed: this.#speed });
    node.connect(context.destination);
    this.#node = node;
  }

  /** @param {Float32Array} samples 24 kHz, mono, right behind those before */
  add(samples) {
    this.length += samples.length / SPEECH_RATE;
    this.#node?.port.postMessage({ samples });
  }

  /** Nothing more will be added. */
  finish() {
    this.#node?.port.postMessage({ ended: true });
  }

  get paused() {
    return this.#paused;
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.#paused = paused;
    this.#node?.port.postMessage({ paused });
  }

  /** 1 is the voice's own pace; the pitch stays. @param {number} speed */
  set speed(speed) {
    this.#speed = speed;
    this.#node?.port.postMessage({ speed });
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.position = seconds;
    this.#node?.port.postMessage({ seek: seconds });
  }

  /** Falls silent for good. */
  async close() {
    clearTimeout(this.#ending);
    this.#node?.disconnect();
    this.#node = undefined;
    if (this.#context?.state !== "closed") await this.#context?.close();
  }
}
