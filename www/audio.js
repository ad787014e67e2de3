// Sound on its way to the engine: any file that the browser decodes, any rate of microphone, to 16 kHz mono.

import { ZipperError } from "./errors.js";

/** Samples a second that the model hears. */
export const RATE = 16_000;

/** A microphone below this peak delivers silence: muted, unplugged, or another device is meant. */
export const DEAD_PEAK = 1e-4;

/**
 * A file's sound. The browser decodes and resamples it.
 * @param {Blob} file
 * @returns {Promise<Float32Array<ArrayBuffer>>} mono, 16 kHz, -1 to 1
 */
export async function decodeFile(file) {
  if (file.size === 0) throw new ZipperError("audio-empty", "the file is empty");
  const bytes = await file.arrayBuffer();
  /** @type {AudioBuffer} */
  let buffer;
  try {
    // decodeAudioData resamples to its context's rate.
    buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  } catch {
    throw new ZipperError("audio-unreadable", "this browser cannot read the file as sound");
  }
  return mono(buffer);
}

/** The mean of all channels. @param {AudioBuffer} buffer */
function mono(buffer) {
  const mixed = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < mixed.length; i++) mixed[i] = (mixed[i] ?? 0) + (samples[i] ?? 0) / buffer.numberOfChannels;
  }
  return mixed;
}

/**
 * Samples at another rate, through the browser's resampler.
 * @param {Float32Array<ArrayBuffer>} samples
 * @param {number} rate
 */
export async function resample(samples, rate) {
  if (rate === RATE || samples.length === 0) return samples;
  const context = new OfflineAudioContext(1, Math.ceil((samples.length * RATE) / rate), RATE);
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

/**
 * A context at the model's rate, where the browser resamples the microphone itself; else one at the device's.
 * @param {MediaStream} stream
 */
function capturing(stream) {
  const context = new AudioContext({ sampleRate: RATE });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    void context.close();
    const own = new AudioContext();
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}

/** A microphone that records until it is stopped. */
export class Microphone {
  /** Blocks of a tenth of a second, at the context's rate. @type {Float32Array[]} */
  #blocks = [];
  /** Samples at the context's rate: recorded in all, and forgotten of them. */
  #length = 0;
  #forgotten = 0;
  #peak = 0;
  /** The largest swing in each tenth of a second. @type {number[]} */
  swings = [];
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {MediaStream | undefined} */
  #stream;

  /**
   * Asks for the microphone; only ever on a person's click.
   * @param {(level: { peak: number, dead: boolean, seconds: number }) => void} onLevel about ten times a second
   */
  async open(onLevel) {
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      if (name === "NotAllowedError") throw new ZipperError("microphone-refused", "the browser may not use the microphone");
      throw new ZipperError("microphone-missing", "no microphone was found");
    }
    const { context, source } = capturing(this.#stream);
    this.#context = context;
    await context.audioWorklet.addModule(new URL("./worklets/capture.js", import.meta.url));
    const capture = new AudioWorkletNode(context, "zipper-capture", { numberOfOutputs: 0 });
    capture.port.onmessage = (/** @type {MessageEvent<Float32Array>} */ { data }) => {
      this.#blocks.push(data);
      this.#length += data.length;
      const peak = data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      this.swings.push(peak);
      this.#peak = Math.max(this.#peak, peak);
      // Half a second is enough to tell: even a quiet room makes noise.
      onLevel({ peak, dead: this.seconds > 0.5 && this.silent, seconds: this.seconds });
    };
    source.connect(capture);
    await context.resume();
  }

  get #rate() {
    return this.#context?.sampleRate ?? RATE;
  }

  /** Seconds recorded so far. */
  get seconds() {
    return this.#length / this.#rate;
  }

  /** Whether nothing but silence came. */
  get silent() {
    return this.#peak < DEAD_PEAK;
  }

  /**
   * What was recorded so far, 16 kHz.
   * @param {number} [from] sample at 16 kHz, none that was forgotten
   * @returns {Promise<Float32Array<ArrayBuffer>>}
   */
  async samples(from = 0) {
    const first = Math.max(this.#forgotten, Math.round((from * this.#rate) / RATE));
    const whole = new Float32Array(Math.max(0, this.#length - first));
    let at = this.#forgotten - first;
    for (const block of this.#blocks) {
      if (at >= 0) whole.set(block, at);
      else if (at + block.length > 0) whole.set(block.subarray(-at));
      at += block.length;
    }
    return await resample(whole, this.#rate);
  }

  /** Samples before this one, at 16 kHz, are not wanted any more: a long recording takes no more memory than a short one. @param {number} before */
  forget(before) {
    const until = (before * this.#rate) / RATE;
    while (this.#blocks[0] && this.#forgotten + this.#blocks[0].length <= until) this.#forgotten += this.#blocks.shift()?.length ?? 0;
  }

  /** Lets the microphone go. */
  async close() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    // A second time is harmless: whoever stops early and whoever cleans up need not know of each other.
    if (this.#context?.state !== "closed") await this.#context?.close();
  }
}
