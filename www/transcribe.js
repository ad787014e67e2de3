// A whole recording to text: found, cut at pauses, heard segment by segment.

import { RATE, decodeFile } from "./audio.js";
import { ZipperError } from "./errors.js";
import { normalized, segments } from "./segments.js";
import { heardLook } from "./zipped.js";

/** @import { Look } from "./zipped.js" */
/** @import { Transcript, Word } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

/**
 * @typedef {object} TranscribeOptions
 * @property {AbortSignal} [signal]
 * @property {(text: string) => void} [onText] sees the whole text as it grows
 * @property {(looks: Look[]) => void} [onLooks] sees what its sub-words look at in the sound
 */

/**
 * @param {Zipper} zipper with hearing loaded
 * @param {Blob | Float32Array<ArrayBuffer>} sound a file, or samples at 16 kHz
 * @param {TranscribeOptions} [options]
 * @returns {Promise<Transcript>}
 */
export async function transcribe(zipper, sound, options = {}) {
  const transcription = new Transcription(zipper);
  const samples = sound instanceof Float32Array ? sound : await decodeFile(sound);
  if (samples.length === 0) throw new ZipperError("audio-empty", "there is no sound in it");
  const found = await segments(zipper, samples);
  if (found.length === 0) throw new ZipperError("audio-silent", "nobody speaks in it");
  const loud = normalized(samples);
  transcription.prepared();
  for (const { start, end } of found) {
    if (options.signal?.aborted) break;
    transcription.keep(await transcription.hear(loud.slice(start, end), start / RATE, options), options);
  }
  return transcription.result(samples.length / RATE);
}

/** @typedef {Transcript["segments"][number] & { look: Look | undefined, aligned: boolean, timings: Record<string, number> }} Part one segment, heard */

/** A transcript that grows by segments. */
export class Transcription {
  #began = performance.now();
  #prepared = this.#began;
  /** @type {Part[]} */
  #parts = [];

  /** @param {Zipper} zipper with hearing loaded */
  constructor(zipper) {
    this.zipper = zipper;
  }

  /** What came before the first segment was finding them. */
  prepared() {
    this.#prepared = performance.now();
  }

  /** The text so far. */
  get text() {
    return this.#parts.map(({ text }) => text).filter(Boolean).join(" ");
  }

  /**
   * Hears one segment, behind all that is kept.
   * @param {Float32Array<ArrayBuffer>} samples
   * @param {number} from where it begins, seconds
   * @param {TranscribeOptions} options
   * @returns {Promise<Part>}
   */
  async hear(samples, from, { signal, onText, onLooks }) {
    const to = from + samples.length / RATE;
    const looks = this.#parts.flatMap(({ look }) => look ?? []);
    const heard = await this.zipper.hear(samples, {
      ...(signal ? { signal } : {}),
      attention: Boolean(onLooks),
      onText: (text, attention) => {
        onText?.([this.text, text.trim()].filter(Boolean).join(" "));
        if (attention) onLooks?.([...looks, heardLook(attention, from, to)]);
      },
    });
    const text = heard.text.trim();
    const aligned = heard.words.length > 0 || text === "";
    const words = aligned ? heard.words.map(({ word, start, end }) => ({ word, start: from + start, end: from + end })) : spread(text, from, to);
    const look = heard.attention && heardLook(heard.attention, from, to);
    return { text, start: from, end: to, words, look, aligned, timings: heard.timings };
  }

  /**
   * Takes a segment for good.
   * @param {Part} part
   * @param {TranscribeOptions} options
   */
  keep(part, { onText }) {
    this.#parts.push(part);
    onText?.(this.text);
  }

  /**
   * @param {number} seconds of the whole sound
   * @returns {Transcript}
   */
  result(seconds) {
    const now = performance.now();
    const sum = (/** @type {string} */ stage) => this.#parts.reduce((total, { timings }) => total + (timings[stage] ?? 0), 0);
    return {
      text: this.text,
      words: this.#parts.flatMap(({ words }) => words),
      word_times: this.#parts.every(({ aligned }) => aligned) ? "alignment" : "estimated",
      segments: this.#parts.map(({ text, start, end, words }) => ({ text, start, end, words })),
      seconds,
      rtf: (now - this.#began) / 1000 / seconds,
      timings: {
        decode_audio_ms: this.#prepared - this.#began,
        log_mel_ms: sum("log_mel_ms"),
        encode_ms: sum("encode_ms"),
        speech_tower_ms: sum("speech_tower_ms"),
        decode_ms: sum("decode_ms"),
        total_ms: now - this.#began,
      },
    };
  }
}

/**
 * Words over a segment in proportion to their letters, where the sound is too short to align them: an estimate, and marked as one.
 * @param {string} text
 * @param {number} start seconds
 * @param {number} end seconds
 * @returns {Word[]}
 */
function spread(text, start, end) {
  const words = text.split(/\s+/).filter(Boolean);
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0);
  let before = 0;
  return words.map((word) => {
    const from = start + ((end - start) * before) / letters;
    before += word.length + 1;
    return { word, start: from, end: start + ((end - start) * before) / letters };
  });
}
