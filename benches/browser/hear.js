// Hearing in the browser: our `transcribe` and transformers.js with whisper-base, on the same clips.

import { RATE, decodeFile } from "/www/audio.js";

/** Silence between the recordings of one clip: seconds. */
const PAUSE = 0.3;

/** @typedef {{ name: string, files: string[], text: string }} Clip */

/**
 * Our engine.
 * @param {{ clips: Clip[] }} options
 */
export async function ours({ clips }) {
  const [{ createZipper }, { transcribe }] = await Promise.all([import("/www/zipper.js"), import("/www/transcribe.js")]);
  const start = performance.now();
  const zipper = await createZipper();
  try {
    await zipper.loadHearing();
    const load_ms = performance.now() - start;
    return { adapter: zipper.adapter, load_ms, ...(await heard(clips, async (samples) => await transcribe(zipper, samples))) };
  } finally {
    zipper.close();
  }
}

/**
 * transformers.js (ONNX Runtime Web) with whisper-base.
 * @param {{ clips: Clip[], device: "webgpu" | "wasm", dtype: string }} options
 */
export async function transformers({ clips, device, dtype }) {
  const { env, pipeline } = await import("/bench/transformers/transformers.js");
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/bench/transformers/models/";
  const runtime = "/bench/transformers/ort-wasm-simd-threaded.asyncify";
  env.backends.onnx.wasm.wasmPaths = { mjs: `${runtime}.mjs`, wasm: `${runtime}.wasm` };
  const start = performance.now();
  const recognizer = await pipeline("automatic-speech-recognition", "whisper-base", { device, dtype });
  const load_ms = performance.now() - start;
  // Told the language and the task, as ours knows both.
  const words = async (samples) => await recognizer(samples, { language: "en", task: "transcribe" });
  try {
    return { load_ms, device, dtype, ...(await heard(clips, words)) };
  } finally {
    await recognizer.dispose();
  }
}

/** Every clip heard once, after a first run that compiles pipelines. */
async function heard(clips, words) {
  const sounds = [];
  for (const clip of clips) sounds.push({ ...clip, samples: await sound(clip) });
  const began = performance.now();
  await words(sounds[0].samples.slice());
  const first_ms = performance.now() - began;
  const runs = [];
  for (const { name, text, samples } of sounds) {
    const from = performance.now();
    const { text: found, timings } = await words(samples.slice());
    const final_text_ms = performance.now() - from;
    const seconds = samples.length / RATE;
    runs.push({ name, seconds, final_text_ms, rtf: final_text_ms / 1000 / seconds, text: found.trim(), said: text, ...(timings ? { timings } : {}) });
  }
  return { first_ms, clips: runs };
}

/** A clip's recordings one after another, 16 kHz. */
async function sound({ files }) {
  const parts = await Promise.all(files.map(async (file) => await decodeFile(await (await fetch(file)).blob())));
  const gap = Math.round(PAUSE * RATE);
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length + gap, -gap));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length + gap;
  }
  return whole;
}
