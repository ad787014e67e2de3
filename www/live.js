// Text while somebody speaks: what lies behind a pause is heard once and kept, only what is still being said is heard again.

import { RATE } from "./audio.js";
import { normalized, segments } from "./segments.js";
import { Transcription } from "./transcribe.js";

/** @import { TranscribeOptions } from "./transcribe.js" */
/** @import { Zipper } from "./zipper.js" */

/** Seconds of silence behind a stretch of speech after which it is taken as said. */
const SETTLED = 1;
/** Samples that the detector wants to hear again before what is new. */
const LEAD = RATE;

/** One recording under way. */
export class Live {
  /** Sample up to which everything is heard for good. */
  #settled = 0;
  #transcription;

  /** @param {Zipper} zipper with hearing loaded */
  constructor(zipper) {
    this.#transcription = new Transcription(zipper);
  }

  /** Whether nothing was said. */
  get empty() {
    return this.#settled === 0;
  }

  /** Samples before this one are not wanted any more. */
  get wanted() {
    return Math.max(0, this.#settled - LEAD);
  }

  /**
   * Hears what is new.
   * @param {Float32Array<ArrayBuffer>} samples 16 kHz, from sample {@link wanted} on
   * @param {TranscribeOptions & { last?: boolean }} options `last`: nothing more will come
   */
  async hear(samples, { last = false, ...options }) {
    const first = this.wanted;
    const length = first + samples.length;
    const found = await segments(this.#transcription.zipper, samples);
    const loud = normalized(samples);
    for (const segment of found) {
      const [start, end] = [Math.max(first + segment.start, this.#settled), first + segment.end];
      if (end <= this.#settled) continue;
      if (options.signal?.aborted) return;
      const part = await this.#transcription.hear(loud.slice(start - first, end - first), start / RATE, options);
      if (options.signal?.aborted && !last) return;
      if (last || end + SETTLED * RATE <= length) {
        this.#transcription.keep(part, options);
        this.#settled = end;
      }
    }
  }

  /** @param {number} seconds of the recording */
  result(seconds) {
    return this.#transcription.result(seconds);
  }
}
