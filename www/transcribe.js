// A whole recording to text: found, cut at pauses, heard segment by segment.

import { RATE, decodeFile } from "./audio.js";
import { ZipperError } from "./errors.js";
import { normalized, segments } from "./segments.js";
import { heardLook } from "./zipped.js";

/** @import { Look } from "./zipped.js" */
/** @import { Heard, Transcript, Word } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

/**
 * @param {Zipper} zipper with hearing loaded
 * @param {Blob | Float32Array<ArrayBuffer>} sound a file, or samples at 16 kHz
 * @param {{ signal?: AbortSignal, onText?: (text: string) => void, onLooks?: (looks: Look[]) => void }} [options] `onText` sees the whole text as it
 *   grows, `onLooks` what its sub-words look at in the sound
 * @returns {Promise<Transcript>}
 */
export async function transcribe(zipper, sound, { signal, onText, onLooks } = {}) {
  const started = performance.now();
  const samples = sound instanceof Float32Array ? sound : await decodeFile(sound);
  if (samples.length === 0) throw new ZipperError("audio-empty", "there is no sound in it");
  const found = await segments(zipper, samples);
  if (found.length === 0) throw new ZipperError("audio-silent", "nobody speaks in it");
  const loud = normalized(samples);
  const decoded = performance.now();
  let aligned = true;
  /** @type {Transcript["segments"]} */
  const heard = [];
  /** @type {Look[]} */
  const looks = [];
  const said = () => heard.map(({ text }) => text).filter(Boolean);
  const stages = { decode_audio_ms: decoded - started, log_mel_ms: 0, encode_ms: 0, speech_tower_ms: 0, decode_ms: 0, total_ms: 0 };
  for (const { start, end } of found) {
    if (signal?.aborted) break;
    const [from, to] = [start / RATE, end / RATE];
    /** @type {Heard} */
    const part = await zipper.hear(loud.slice(start, end), {
      ...(signal ? { signal } : {}),
      attention: Boolean(onLooks),
      onText: (text, attention) => {
        onText?.([...said(), text.trim()].join(" "));
        if (attention) onLooks?.([...looks, heardLook(attention, from, to)]);
      },
    });
    const text = part.text.trim();
    if (part.attention) looks.push(heardLook(part.attention, from, to));
    const timed = part.words.length > 0 || text === "";
    const words = timed ? part.words.map((word) => ({ word: word.word, start: from + word.start, end: from + word.end })) : spread(text, from, to);
    aligned &&= timed;
    heard.push({ text, start: from, end: to, words });
    for (const key of /** @type {const} */ (["log_mel_ms", "encode_ms", "speech_tower_ms", "decode_ms"])) {
      stages[key] += part.timings[key] ?? 0;
    }
    onText?.(said().join(" "));
  }
  stages.total_ms = performance.now() - started;
  const seconds = samples.length / RATE;
  return {
    text: said().join(" "),
    words: heard.flatMap(({ words }) => words),
    word_times: aligned ? "alignment" : "estimated",
    segments: heard,
    seconds,
    rtf: stages.total_ms / 1000 / seconds,
    timings: stages,
  };
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
