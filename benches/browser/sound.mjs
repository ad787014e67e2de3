// Hearing and speaking beside a peer each: what is run, and the tables of it.

import { layHearing, laySpeaking } from "./lay.mjs";

/** Minutes for one engine. */
const PATIENCE = 10;
/** Minutes for a peer on the graphics processor: whisper's 30 s window is long work for an adapter in software. */
const PEER_PATIENCE = Number(process.env.ZIPPER_BENCH_PATIENCE ?? 10);

const SENTENCES = [
  { name: "short", text: "The water is cold." },
  { name: "middle", text: "She closed the old wooden door and walked slowly down the hill." },
  { name: "long", text: "When the rain had stopped, the children ran across the field to the river, because they wanted to see how high the water stood." },
];

/** A peer on the graphics processor, then without it: the one adapter may be beyond it. */
const DEVICES = [
  { key: "webgpu", name: "WebGPU" },
  { key: "wasm", name: "CPU (wasm)" },
];

/** @param {(name: string, argument: object, module: string, minutes: number) => Promise<object>} measure */
export async function hearing(measure) {
  const { clips, missing, peer } = await layHearing();
  if (missing) return skipped(missing);
  const results = { zipper: await measure("ours", { clips }, "hear.js", PATIENCE) };
  for (const { key } of DEVICES) {
    results[`transformers_js_${key}`] = peer ? skipped(peer) : await measure("transformers", { clips, device: key, dtype: "fp32" }, "hear.js", patience(key));
  }
  for (const clip of Object.values(results).flatMap((result) => result.clips ?? [])) clip.wer = wer(clip.said, clip.text);
  return results;
}

/** @param {(name: string, argument: object, module: string, minutes: number) => Promise<object>} measure */
export async function speaking(measure) {
  const { peer } = await laySpeaking();
  const results = { zipper: await measure("ours", { sentences: SENTENCES }, "speak.js", PATIENCE) };
  for (const { key } of DEVICES) {
    const argument = { sentences: SENTENCES, device: key, dtype: "q8" };
    results[`kokoro_js_${key}`] = peer ? skipped(peer) : await measure("kokoro", argument, "speak.js", patience(key));
  }
  return results;
}

const patience = (/** @type {string} */ device) => (device === "webgpu" ? PEER_PATIENCE : PATIENCE);

function skipped(why) {
  console.error(`  left out: ${why}`);
  return { skipped: why };
}

export function hearingLines(results) {
  if (results.skipped) return ["## Hearing", "", `Not measured: ${results.skipped}.`, ""];
  const names = clipNames(results);
  const cell = ({ rtf, final_text_ms, wer: wrong }) => `${figure(rtf, 2)} · ${figure(final_text_ms / 1000)} s · ${figure(wrong * 100, 0)} %`;
  return [
    "## Hearing",
    "",
    "The same clips for all, each engine in a fresh browser, after one run of the shortest clip. A cell: real-time factor (work over sound) · time to the final text · wrong words. " +
      "Ratio: the peer's time over ours, all clips.",
    "",
    `| engine | ${names.map((name) => `clip of ${name}`).join(" | ")} | load, s | first run, s | peak memory, MB | ratio |`,
    `| --- |${" --- |".repeat(names.length + 4)}`,
    line("Zipper", results.zipper, "clips", names, cell, results.zipper),
    ...DEVICES.map(({ key, name }) => line(`transformers.js, whisper-base fp32, ${name}`, results[`transformers_js_${key}`], "clips", names, cell, results.zipper)),
    "",
    ...costs(results.zipper),
  ];
}

/** What a word costs Zipper as the speech before it grows: the zip attends to all of it at each step. */
function costs({ clips }) {
  if (!clips?.every(({ timings }) => timings)) return [];
  const cost = ({ name, text, timings }) => `${name}: ${figure(timings.decode_ms / text.split(/\s+/).length, 0)} ms`;
  return [`Zipper's decoding, a word, by the length of the speech: ${clips.map(cost).join(", ")}.`, ""];
}

export function speakingLines(results) {
  const names = SENTENCES.map(({ name }) => name);
  const cell = ({ rtf, first_sound_ms, seconds }) => `${figure(rtf, 2)} · ${figure(first_sound_ms / 1000)} s · ${figure(seconds)} s`;
  return [
    "## Speaking",
    "",
    "The same sentences for all, each engine in a fresh browser, after one run of the shortest. A cell: real-time factor · time to the first sound · length of the sound. " +
      "Ratio: the peer's real-time factor over ours, all sentences.",
    "",
    `| engine | ${names.join(" | ")} | load, s | first run, s | peak memory, MB | ratio |`,
    `| --- |${" --- |".repeat(names.length + 4)}`,
    line("Zipper", results.zipper, "sentences", names, cell, results.zipper),
    ...DEVICES.map(({ key, name }) => line(`kokoro-js, Kokoro-82M int8, ${name}`, results[`kokoro_js_${key}`], "sentences", names, cell, results.zipper)),
    "",
  ];
}

const clipNames = (results) => Object.values(results).find(({ clips }) => clips)?.clips.map(({ name }) => name) ?? [];

/** One engine's row. An engine that did not run has its error there. */
function line(engine, result, runs, names, cell, ours) {
  const empty = " |".repeat(names.length + 3);
  if (result.skipped) return `| ${engine} | left out: ${result.skipped} |${empty}`;
  if (result.error) return `| ${engine} | did not run: ${result.error.replaceAll("|", "\\|")} |${empty}`;
  const ratio = result === ours || ours.error ? "–" : figure(overall(result[runs]) / overall(ours[runs]), 2);
  return `| ${engine} | ${result[runs].map(cell).join(" | ")} | ${figure(result.load_ms / 1000)} | ${figure(result.first_ms / 1000)} | ${figure(result.peak_megabytes, 0)} | ${ratio} |`;
}

/** Work over sound of all runs together. */
function overall(runs) {
  const sum = (value) => runs.reduce((total, run) => total + value(run), 0);
  return sum(({ rtf, seconds }) => rtf * seconds) / sum(({ seconds }) => seconds);
}

/** A number as the tables show it. */
export const figure = (value, digits = 1) => (typeof value === "number" && Number.isFinite(value) ? value.toFixed(digits) : "–");

/** Wrong words over words said, letters and apostrophes only. */
function wer(said, heard) {
  const words = (text) => text.toLowerCase().replaceAll("’", "'").replace(/[^a-z0-9' ]+/g, " ").split(/\s+/).filter(Boolean);
  const [a, b] = [words(said), words(heard)];
  // Edit distance, a row at a time.
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, word] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) next.push(Math.min(row[j] + (word === other ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    row = next;
  }
  return row[b.length] / a.length;
}
