// Where somebody speaks: cuts a recording at its pauses, so that silence costs nothing and any length works.
//
// A frame is speech when its level stands out from the recording's own noise floor. Simple, and enough to find pauses; it does not
// tell speech from music.

import { RATE } from "./audio.js";

/** Samples a frame: 20 ms. */
const FRAME = RATE / 50;
/** Speech stands out from the noise floor by so many decibels … */
const ABOVE_FLOOR = 9;
/** … and is never quieter than this (decibels of full scale, after normalization). */
const FAINTEST = -50;
/** Pauses up to this many frames belong to the speech around them: 0.6 s. */
const SHORT_PAUSE = 30;
/** Frames kept on both sides: soft beginnings and endings of words lie below the threshold. */
const MARGIN = 12;
/** Longest segment in frames: 24 s. The model takes 29. */
const LONGEST = 1200;
/** Shorter outbursts are clicks: 0.1 s. */
const SHORTEST = 5;

/**
 * @typedef {object} Segment
 * @property {number} start sample
 * @property {number} end sample, not included
 */

/**
 * @param {Float32Array} samples 16 kHz
 * @returns {Segment[]}
 */
export function segments(samples) {
  const levels = frameLevels(samples);
  const sorted = Float32Array.from(levels).sort();
  // With little silence in the recording the tenth percentile is speech itself: the cap keeps the threshold below it.
  const floor = Math.min(sorted[Math.floor(sorted.length / 10)] ?? -100, -35);
  const threshold = Math.max(floor + ABOVE_FLOOR, FAINTEST);
  /** @type {{ from: number, to: number }[]} */
  const runs = [];
  for (const [index, level] of levels.entries()) {
    if (level < threshold) continue;
    const last = runs.at(-1);
    if (last && index - last.to <= SHORT_PAUSE) last.to = index + 1;
    else runs.push({ from: index, to: index + 1 });
  }
  return runs
    .filter(({ from, to }) => to - from >= SHORTEST)
    .map(({ from, to }) => ({ from: Math.max(0, from - MARGIN), to: Math.min(levels.length, to + MARGIN) }))
    .flatMap((run) => split(run, levels))
    .map(({ from, to }) => ({ start: from * FRAME, end: Math.min(to * FRAME, samples.length) }));
}

/**
 * Cuts what is too long at its quietest moment in the last third.
 * @param {{ from: number, to: number }} run
 * @param {Float32Array} levels
 * @returns {{ from: number, to: number }[]}
 */
function split({ from, to }, levels) {
  if (to - from <= LONGEST) return [{ from, to }];
  let best = from + LONGEST;
  let quietest = Infinity;
  for (let at = from + Math.floor((LONGEST * 2) / 3); at < from + LONGEST; at++) {
    // Three neighbours: a single quiet frame may lie inside a word.
    const level = (levels[at - 1] ?? 0) + (levels[at] ?? 0) + (levels[at + 1] ?? 0);
    if (level < quietest) [quietest, best] = [level, at];
  }
  return [{ from, to: best }, ...split({ from: best, to }, levels)];
}

/** Level of every frame in decibels of full scale. @param {Float32Array} samples */
function frameLevels(samples) {
  const levels = new Float32Array(Math.ceil(samples.length / FRAME));
  for (let frame = 0; frame < levels.length; frame++) {
    const part = samples.subarray(frame * FRAME, (frame + 1) * FRAME);
    const power = part.reduce((sum, sample) => sum + sample * sample, 0) / part.length;
    levels[frame] = 10 * Math.log10(power + 1e-12);
  }
  return levels;
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
