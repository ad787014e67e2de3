// `cargo xtask bench`: runs the browser's measurements one after another, adds the native ones, writes benches/results.{json,md}.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { address, launch } from "../../xtask/headless/chromium.mjs";
import { figure, hearing, hearingLines, speaking, speakingLines } from "./sound.mjs";

const TOKENS = Number(process.env.ZIPPER_BENCH_TOKENS ?? 32);

/** In a fresh browser each, so that no engine leaves memory or heat to the next. */
async function measure(name, argument, module = "bench.js", minutes = 5) {
  console.error(`▸ ${module} ${name} ${JSON.stringify(argument).slice(0, 100)}`);
  const context = await launch();
  try {
    const page = await context.newPage();
    await page.goto(new URL("bench/index.html", address()).href);
    const work = page.evaluate(async ([from, which, how]) => (await import(`/bench/${from}`))[which](how), [module, name, argument]);
    let timer;
    const late = new Error(`took longer than ${minutes} minutes`);
    const limit = new Promise((_, reject) => (timer = setTimeout(() => reject(late), minutes * 60_000)));
    const done = await Promise.race([work, limit]).finally(() => clearTimeout(timer));
    return { ...done, peak_megabytes: await peakMemory() };
  } catch (error) {
    // A peer that does not run here is reported as such, never left out.
    return { error: error.message.split("\n")[0] };
  } finally {
    await context.close();
  }
}

/**
 * The most memory that pages and graphics process of the one running browser held, megabytes: on a software adapter that is all there is.
 * Undefined where there is no /proc.
 */
async function peakMemory() {
  let kilobytes = 0;
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue;
    const about = await Promise.all(["cmdline", "status"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")));
    if (!/--type=(gpu-process|renderer)/.test(about[0]) || !about[0].includes("chrom")) continue;
    kilobytes += Number(/VmHWM:\s+(\d+)/.exec(about[1])?.[1] ?? 0);
  }
  return kilobytes > 0 ? kilobytes / 1024 : undefined;
}

/** Criterion's means, by bench. */
async function native(folder, name = "") {
  const found = {};
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    if (entry.name === "new") {
      const estimates = JSON.parse(await readFile(join(path, "estimates.json"), "utf8"));
      found[name] = { mean_ms: estimates.mean.point_estimate / 1e6 };
    } else if (entry.name !== "report" && entry.name !== "base") {
      Object.assign(found, await native(path, name ? `${name}/${entry.name}` : entry.name));
    }
  }
  return found;
}

const folder = join(import.meta.dirname, "..");
/** Names of results to measure, all if there are none; the others stay as they were, with the date of their own. */
const only = (process.env.ZIPPER_BENCH_ONLY ?? "").split(/\s+/).filter(Boolean);
const before = only.length === 0 ? {} : JSON.parse(await readFile(join(folder, "results.json"), "utf8"));
const taken = new Date().toISOString();
/** @param {string} name @param {() => Promise<object>} work */
async function result(name, work) {
  if (only.length > 0 && !only.includes(name)) return before[name];
  return { taken, ...(await work()) };
}

const results = {
  machine: `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores`,
  // What else was running: figures of a busy machine are lower.
  load_before: loadavg()[0],
  taken,
  tokens: TOKENS,
  roofline: await result("roofline", () => measure("roofline", {})),
  zipper: await result("zipper", () => measure("ours", { tokens: TOKENS })),
  // Slow: few tokens.
  plain_burn: await result("plain_burn", () => measure("plain", { tokens: 4 })),
  wllama_webgpu: await result("wllama_webgpu", () => measure("wllama", { tokens: TOKENS, gpu: true })),
  wllama_cpu: await result("wllama_cpu", () => measure("wllama", { tokens: TOKENS, gpu: false })),
  hear: await result("hear", () => hearing(measure)),
  speak: await result("speak", () => speaking(measure)),
  native: await native(join(import.meta.dirname, "../../target/criterion")),
};
const { roofline, zipper } = results;
if (!zipper.error && !roofline.error) {
  zipper.weight_gigabytes_per_second = (zipper.weight_bytes * zipper.decode_tokens_per_second) / 1e9;
  zipper.share_of_roofline = zipper.weight_gigabytes_per_second / roofline.gigabytes_per_second;
}

await writeFile(join(folder, "results.json"), `${JSON.stringify(results, null, 2)}\n`);

const row = (name, r) =>
  r.error
    ? `| ${name} | did not run: ${r.error} | | |`
    : `| ${name} | ${figure(r.prefill_tokens_per_second)} | ${figure(r.decode_tokens_per_second)} | ${figure(r.load_ms / 1000)} |`;
const lines = [
  "# Figures",
  "",
  `Written by \`cargo xtask bench\` on ${results.taken.slice(0, 10)}. Machine: ${results.machine}; load average when it began: ${figure(results.load_before)}. Adapter in the browser: ${zipper.adapter?.name ?? "–"}` +
    `${zipper.adapter?.software ? " (software)" : ""}, kernels ${zipper.adapter?.kernels ?? "–"}.`,
  "",
  `SmolLM2-135M-Instruct Q4_1, one file for all; a prompt of ${zipper.prompt_tokens ?? "–"} tokens, ${TOKENS} greedy tokens after it, each engine in a fresh headless Chromium, second run.`,
  "",
  "| engine | prefill, tokens/s | decode, tokens/s | load, s |",
  "| --- | --- | --- | --- |",
  row("Zipper", zipper),
  row("the same tower in plain burn operations (first prefill, 4 tokens)", results.plain_burn),
  row(`wllama, WebGPU asked for${results.wllama_webgpu.webgpu_used ? "" : " (passed the adapter over: ran on the CPU)"}`, results.wllama_webgpu),
  row(`wllama, CPU (wasm, threads: ${results.wllama_cpu.threads ?? "–"})`, results.wllama_cpu),
  "",
  `Streaming read of this adapter (roofline): ${figure(roofline.gigabytes_per_second, 2)} GB/s. Weights that Zipper reads while decoding: ` +
    `${figure(zipper.weight_gigabytes_per_second, 2)} GB/s, ${figure(zipper.share_of_roofline * 100, 0)} % of it.`,
  "",
  ...hearingLines(results.hear),
  ...speakingLines(results.speak),
];
if (Object.keys(results.native).length > 0) {
  lines.push("## Native (criterion)", "", "| bench | mean, ms |", "| --- | --- |");
  for (const [name, { mean_ms }] of Object.entries(results.native)) lines.push(`| ${name} | ${figure(mean_ms, 3)} |`);
  lines.push("");
}
await writeFile(join(folder, "results.md"), lines.join("\n"));
console.log(lines.join("\n"));
