// What is measured in the browser: our engine and wllama on the same GGUF, and the roofline that reading weights can reach.

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
  const engine = new Wllama({ default: "/bench/wllama.wasm" }, { suppressNativeLog: true });
  try {
    await engine.loadModel([new Blob(shards)], {
      n_ctx: 512,
      ...(gpu ? {} : { n_gpu_layers: 0 }),
      ...(threads === undefined ? {} : { n_threads: threads }),
    });
    const load_ms = performance.now() - start;
    await complete(engine, 2);
    const warm = await complete(engine, tokens);
    return { load_ms, threads: engine.getNumThreads(), webgpu: engine.isSupportWebGPU() && gpu, ...warm };
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
 * How fast this adapter streams a buffer: every invocation sums rows of vec4, nothing else. The best of several runs.
 * @param {{ bytes?: number, runs?: number }} [options]
 */
export async function roofline({ bytes = 64 << 20, runs = 5 } = {}) {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const device = await adapter.requestDevice();
  const invocations = 16_384;
  const rows = bytes / 16 / invocations;
  const code = `
    @group(0) @binding(0) var<storage, read> data: array<vec4u>;
    @group(0) @binding(1) var<storage, read_write> sums: array<vec4u>;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3u) {
      var sum = vec4u(0u);
      for (var row = 0u; row < ${rows}u; row += 1u) { sum += data[row * ${invocations}u + id.x]; }
      sums[id.x] = sum;
    }`;
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const [STORAGE, COPY_DST] = [0x80, 0x08];
  const data = device.createBuffer({ size: bytes, usage: STORAGE | COPY_DST });
  const sums = device.createBuffer({ size: invocations * 16, usage: STORAGE });
  device.queue.writeBuffer(data, 0, new Uint32Array(bytes / 4).fill(3));
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [data, sums].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  await device.queue.onSubmittedWorkDone();
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(invocations / 64);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    best = Math.min(best, performance.now() - start);
  }
  device.destroy();
  return { bytes, gigabytes_per_second: bytes / best / 1e6 };
}
