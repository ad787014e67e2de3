// Lays what the bench's peers need into dist/bench, beside our page: their modules, their models, the clips. Nothing of it ships.

import { copyFile, cp, link, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const BENCH = join(ROOT, "dist/bench");
const PEERS = join(process.env.ZIPPER_DATA ?? join(homedir(), ".cache/zipper"), "peers");
const SHARED = process.env.ZIPPER_SHARED ?? join(ROOT, "../shared");

/** Clips by length. 30 s is whisper's window: the longest stays below it, its pauses (see hear.js) included. */
const CLIPS = {
  "3 s": ["LJ050-0238"],
  "10 s": ["84-121123-0024"],
  "30 s": ["2412-153948-0000", "3853-163249-0042", "84-121123-0004"],
};
const CLIP_PARTS = ["librispeech/dev", "ljspeech/dev"];

/** @typedef {{ name: string, files: string[], text: string }} Clip files: where the page finds them */

/**
 * What measuring hearing takes.
 * @returns {Promise<{ clips: Clip[], missing?: string, peer?: string }>} `missing`: why nothing can be measured; `peer`: why the peer cannot
 */
export async function layHearing() {
  await own("hear.js");
  const clips = await layClips();
  if (!clips) return { clips: [], missing: `no recordings in ${CLIP_PARTS.join(", ")}: set ZIPPER_SHARED to the folder that holds data/` };
  const peer = await layPeer("transformers", "whisper-base", "python -m peers.whisper_onnx", async (folder) => {
    await copyFile(join(ROOT, "node_modules/@huggingface/transformers/dist/transformers.min.js"), join(folder, "transformers.js"));
    await layRuntime(join(ROOT, "node_modules/onnxruntime-web/dist"), folder, "asyncify");
  });
  return { clips, ...(peer ? { peer } : {}) };
}

/**
 * What measuring speech takes.
 * @returns {Promise<{ peer?: string }>} `peer`: why the peer cannot be measured
 */
export async function laySpeaking() {
  await own("speak.js");
  const peer = await layPeer("kokoro", "kokoro", "python -m peers.kokoro_onnx", async (folder) => {
    const from = join(ROOT, "node_modules/kokoro-js");
    await copyFile(join(from, "dist/kokoro.web.js"), join(folder, "kokoro.js"));
    await cp(join(from, "voices"), join(folder, "voices"), { recursive: true });
    // kokoro.web.js carries an older transformers.js in itself; that one's runtime lies where npm put its package.
    await layRuntime(join(from, "node_modules/@huggingface/transformers/dist"), folder, "jsep");
  });
  return peer ? { peer } : {};
}

async function own(file) {
  await mkdir(BENCH, { recursive: true });
  await copyFile(join(import.meta.dirname, file), join(BENCH, file));
}

/** A peer's code and model into dist/bench/NAME. Returns what is missing, if anything. */
async function layPeer(name, model, command, layCode) {
  const from = join(PEERS, model);
  if (!(await stat(join(from, "onnx")).catch(() => undefined))) {
    return `its model is missing: run \`${command}\` in train/`;
  }
  const folder = join(BENCH, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await layCode(folder);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return "its package is missing: run `cargo xtask setup`";
  }
  await layTree(from, join(folder, "models", model));
  return undefined;
}

/** ONNX Runtime's wasm and its loader. */
async function layRuntime(from, folder, flavour) {
  for (const ending of ["mjs", "wasm"]) {
    const file = `ort-wasm-simd-threaded.${flavour}.${ending}`;
    await copyFile(join(from, file), join(folder, file));
  }
}

/** Files as hard links where that can be: models are large, and the server follows no link out of dist/. */
async function layTree(from, to) {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, goal] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await layTree(source, goal);
    else await link(source, goal).catch(() => copyFile(source, goal));
  }
}

/** The clips as the page fetches them, with what is said in them. */
async function layClips() {
  const wanted = new Set(Object.values(CLIPS).flat());
  const texts = new Map();
  await mkdir(join(BENCH, "clips"), { recursive: true });
  for (const part of CLIP_PARTS) {
    const path = join(SHARED, "data", part);
    const [lines, tar] = await Promise.all([readFile(`${path}.jsonl`, "utf8"), readFile(`${path}.tar`)]).catch(() => ["", Buffer.alloc(0)]);
    for (const line of lines.split("\n").filter(Boolean)) {
      const { id, text } = JSON.parse(line);
      if (wanted.has(id)) texts.set(id, text);
    }
    for (const { name, bytes } of members(tar)) {
      if (wanted.has(basename(name, ".opus"))) await writeFile(join(BENCH, "clips", basename(name)), bytes);
    }
  }
  if (texts.size < wanted.size) return undefined;
  return Object.entries(CLIPS).map(([name, ids]) => ({
    name,
    files: ids.map((id) => `/bench/clips/${id}.opus`),
    text: ids.map((id) => texts.get(id)).join(" "),
  }));
}

/** The files of a tar: 512-byte heads, name at 0, size in octal at 124, contents filled up to 512. */
function* members(tar) {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const field = (from, length) => tar.toString("latin1", at + from, at + from + length).replace(/\0.*$/, "").trim();
    const size = Number.parseInt(field(124, 12), 8);
    yield { name: field(0, 100), bytes: tar.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
