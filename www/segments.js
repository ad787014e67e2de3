// Where somebody speaks, so that silence costs nothing and any length works. The engine's detector finds it (`src/audio/vad.rs`).

import { RATE } from "./audio.js";

/** @import { Segment } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

/** Samples shown to the detector at once: ten minutes, so that a long recording is not copied whole. */
const PIECE = 600 * RATE;
/** Samples before a piece that the detector hears again: without a past it takes the end of a sound for speech. */
const LEAD = RATE;

/**
 * The stretches of speech in a recording, in order, none longer than the model takes.
 * @param {Zipper} zipper
 * @param {Float32Array} samples 16 kHz
 * @param {number} [piece] samples shown to the detector at once
 * @returns {Promise<Segment[]>}
 */
export async function segments(zipper, samples, piece = PIECE) {
  /** @type {Segment[]} */
  const found = [];
  let from = 0;
  while (from < samples.length) {
    const to = Math.min(from + piece, samples.length);
    const begin = Math.max(0, from - LEAD);
    const heard = await zipper.speechSegments(samples.slice(begin, to));
    const here = heard.map(({ start, end }) => ({ start: Math.max(from, begin + start), end: begin + end })).filter(({ start, end }) => end > start);
    const last = here.at(-1);
    // What is said across the end of a piece is looked at once more, with what follows.
    const open = to < samples.length && last !== undefined && last.start > from && last.end >= to;
    if (open) here.pop();
    found.push(...here);
    from = open ? last.start : to;
  }
  return found;
}

/**
 * Quiet recordings at full height: a model that hears a whisper at a tenth of the level mishears it.
 * @param {Float32Array<ArrayBuffer>} samples
 */
export function normalized(samples) {
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak === 0 || peak > 0.5) return samples;
  // Never more than thirty times: what is quieter is noise.
  const gain = Math.min(0.9 / peak, 30);
  return samples.map((sample) => sample * gain);
}
