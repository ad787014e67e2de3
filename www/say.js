// A text of any length to sound, sentence after sentence.

import { SPEECH_RATE, joined } from "./wav.js";
import { ZipperError } from "./errors.js";

import { spokenLook } from "./zipped.js";

/** @import { Look } from "./zipped.js" */
/** @import { Piece } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

/** Silence behind a sentence, behind part of one, behind a paragraph: seconds. */
const PAUSES = { sentence: 0.25, part: 0.08, paragraph: 0.5 };
/** Samples over which a sentence's first sound comes, so that nothing clicks. */
const FADE = 120;

/**
 * @typedef {object} Spoken
 * @property {Float32Array} samples 24 kHz, mono
 * @property {number} seconds
 * @property {number} rtf work time over sound time
 * @property {number} first_sound_ms
 * @property {boolean} cancelled
 * @property {string[]} stops why each piece ended: `end` where the model ended by itself
 * @property {Record<string, number>} timings
 */

/**
 * @param {Zipper} zipper with speaking loaded
 * @param {string} text
 * @param {object} [options]
 * @param {string} [options.voice]
 * @param {number} [options.seed]
 * @param {number} [options.temperature]
 * @param {AbortSignal} [options.signal]
 * @param {(samples: Float32Array) => void} [options.onAudio] samples at 24 kHz, in order, without gaps
 * @param {(piece: Piece, number: number, count: number, at: number) => void} [options.onPiece] before each piece; `at`: the second of sound where it begins
 * @param {(look: Look) => void} [options.onLook] after each piece: what its moments looked at in the text
 * @param {() => Promise<void>} [options.ready] asked before each piece: whoever plays may want to wait
 * @returns {Promise<Spoken>}
 */
export async function say(zipper, text, { voice, seed = 1, temperature, signal, onAudio, onPiece, onLook, ready } = {}) {
  const started = performance.now();
  const pieces = await zipper.readable(text);
  /** @type {Float32Array[]} */
  const all = [];
  const timings = { tokens_ms: 0, voice_ms: 0, first_sound_ms: 0, total_ms: 0 };
  /** @type {string[]} */
  const stops = [];
  let length = 0;
  let working = 0;
  /** @param {Float32Array} samples */
  const hand = (samples) => {
    if (timings.first_sound_ms === 0) timings.first_sound_ms = performance.now() - started;
    length += samples.length;
    all.push(samples);
    onAudio?.(samples);
  };
  for (const [number, piece] of pieces.entries()) {
    await ready?.();
    if (signal?.aborted) break;
    onPiece?.(piece, number, pieces.length, length / SPEECH_RATE);
    const began = performance.now();
    let first = true;
    const from = length / SPEECH_RATE;
    const said = await zipper.say(piece.spoken, {
      ...(voice === undefined ? {} : { voice }),
      ...(temperature === undefined ? {} : { temperature }),
      seed: seed + number,
      attention: Boolean(onLook),
      ...(signal ? { signal } : {}),
      onAudio: (samples) => {
        if (first) fadeIn(samples);
        first = false;
        hand(samples);
      },
    });
    working += performance.now() - began;
    stops.push(said.stop);
    if (said.attention) onLook?.(spokenLook(said.attention, piece.spoken, from, from + said.seconds));
    timings.tokens_ms += said.timings["tokens_ms"] ?? 0;
    timings.voice_ms += said.timings["voice_ms"] ?? 0;
    if (said.stop === "cancelled") break;
    const next = pieces[number + 1];
    if (next) hand(new Float32Array(Math.round(pause(piece) * SPEECH_RATE)));
  }
  timings.total_ms = performance.now() - started;
  const seconds = length / SPEECH_RATE;
  if (length === 0 && !signal?.aborted) throw new ZipperError("nothing-said", "the model made no sound of this text");
  return {
    samples: joined(all),
    seconds,
    rtf: seconds > 0 ? working / 1000 / seconds : 0,
    first_sound_ms: timings.first_sound_ms,
    cancelled: Boolean(signal?.aborted),
    stops,
    timings,
  };
}

/** @param {Piece} piece */
function pause(piece) {
  if (piece.paragraph) return PAUSES.paragraph;
  return /[.!?]$/.test(piece.spoken) ? PAUSES.sentence : PAUSES.part;
}

/** @param {Float32Array} samples */
function fadeIn(samples) {
  for (let i = 0; i < Math.min(FADE, samples.length); i++) samples[i] = ((samples[i] ?? 0) * i) / FADE;
}
