// What is measured in the browser: our engine and wllama on the same GGUF, the tower in plain burn operations, and the roofline.

import { createZipper } from "/www/zipper.js";
import { Wllama } from "./wllama.js";

const MODEL = "/models/smollm2-135m-instruct-q4_1/";
/** Some seventy tokens, the same for every engine. */
const PROMPT =
  "The zipper was invented more than a hundred years ago. It joins two rows of teeth by a slider that presses them together, one after " +
  "another, and the same slider pulled the other way takes them apart again. Before that, shoes and trousers were closed with buttons or " +
  "laces, which took longer and came undone more often. Today";

/**
 * Our engine.
 * @param {{ tokens: number, kernels?: string }} options
 */
export async function ours({ tokens, kernels = "auto" }) {
  const start = performance.now();
  const zipper = await createZipper({ kernels });
  try {
    const tower = await zipper.load();
    const load_ms = performance.now() - start;
    // The first run compiles pipelines; the second is what a person feels from then on.
    const cold = await zipper.generate(PROMPT, { maxTokens: 2 });
    const warm = await zipper.generate(PROMPT, { maxTokens: tokens });
    return {
      adapter: zipper.adapter,
      load_ms,
      first_prefill_ms: cold.timings.prefill_ms,
      prompt_tokens: warm.prompt_tokens,
      prefill_tokens_per_second: (warm.prompt_tokens * 1000) / warm.timings.prefill_ms,
      decode_tokens_per_second: warm.tokens_per_second,
      weight_bytes: tower.weight_bytes,
      gpu_bytes: tower.gpu_bytes,
      text: warm.text,
    };
  } finally {
    zipper.close();
  }
}

/**
 * wllama (llama.cpp in wasm): layers on the graphics processor, or none.
 * @param {{ tokens: number, gpu: boolean, threads?: number }} options
 */
export async function wllama({ tokens, gpu, threads }) {
  const manifest = await (await fetch(`${MODEL}manifest.json`)).json();
  const shards = await Promise.all(manifest.shards.map(async ({ file }) => await (await fetch(MODEL + file)).blob()));
  const start = performance.now();
  // Its own log tells where the layers went; a software adapter may be passed over.
  const log = [];
  const listen = (...words) => log.push(words.join(" "));
  const logger = { debug: listen, log: listen, warn: listen, error: listen };
  const engine = new Wllama({ default: "/bench/wllama.wasm" }, { logger });
  try {
    await engine.loadModel([new Blob(shards)], {
      n_ctx: 512,
      ...(gpu ? {} : { n_gpu_layers: 0 }),
      ...(threads === undefined ? {} : { n_threads: threads }),
    });
    const load_ms = performance.now() - start;
    await complete(engine, 2);
    const warm = await complete(engine, tokens);
    // llama.cpp names each device that it uses; without such a line the work stayed on the processor.
    const webgpu_used = log.some((line) => /using device .*webgpu/i.test(line));
    return { load_ms, threads: engine.getNumThreads(), webgpu_asked: gpu, webgpu_used, ...warm };
  } finally {
    await engine.exit();
  }
}

/** One greedy completion of the prompt, timed by the engine itself where it says so. */
async function complete(engine, tokens) {
  const start = performance.now();
  let first = 0;
  let pieces = 0;
  let [text, timings] = ["", undefined];
  const stream = await engine.createCompletion({ prompt: PROMPT, max_tokens: tokens, temperature: 0, cache_prompt: false, stream: true });
  for await (const chunk of stream) {
    const piece = chunk.choices?.[0]?.text ?? "";
    if (piece) {
      if (pieces === 0) first = performance.now();
      pieces += 1;
      text += piece;
    }
    timings = chunk.timings ?? timings;
  }
  const end = performance.now();
  return {
    first_token_ms: first - start,
    decode_tokens_per_second: timings?.predicted_per_second ?? ((pieces - 1) * 1000) / (end - first),
    prefill_tokens_per_second: timings?.prompt_per_second,
    prompt_tokens: timings?.prompt_n,
    timed_by: timings ? "engine" : "stream",
    text,
  };
}

/**
 * How fast this adapter streams a buffer, by a kernel that does nothing else. The best of several runs.
 * @param {{ megabytes?: number, runs?: number }} [options]
 */
export async function roofline({ megabytes = 64, runs = 8 } = {}) {
  const zipper = await createZipper();
  try {
    const { bytes, ms } = await zipper.call("benchRoofline", [megabytes, runs]);
    return { bytes, ms, gigabytes_per_second: bytes / Math.min(...ms) / 1e6 };
  } finally {
    zipper.close();
  }
}

/**
 * The same tower in burn's generic operations, on the same adapter.
 * @param {{ tokens: number }} options
 */
export async function plain({ tokens }) {
  const zipper = await createZipper();
  try {
    await zipper.load();
    const prompt = await zipper.tokenize(PROMPT);
    const { prefill_ms, step_ms, token_ids } = await zipper.call("benchPlain", [prompt, tokens]);
    // The first step compiles kernels.
    const steps = step_ms.slice(1);
    return {
      prompt_tokens: prompt.length,
      prefill_tokens_per_second: (prompt.length * 1000) / prefill_ms,
      decode_tokens_per_second: (steps.length * 1000) / steps.reduce((sum, ms) => sum + ms, 0),
      text: await zipper.detokenize(Uint32Array.from(token_ids)),
    };
  } finally {
    zipper.close();
  }
}
