// Model shards: downloaded once, checked every time, kept in the Cache API so that the page works offline afterwards.

import { ZipperError } from "./errors.js";

/** @import { Manifest, Progress, Shard } from "./protocol.js" */

/** Bump when the meaning of what is kept changes; old caches are then dropped. */
const CACHE = "zipper-models-1";

/** Tries for one shard when the connection breaks; each goes on where the last one stopped. */
const TRIES = 3;

/** Downloads and keeps shards below one address. */
export class ShardStore {
  /** @param {URL} base the folder of models, ending in `/` */
  constructor(base) {
    this.base = base;
  }

  /**
   * A small file: the network's if it can be reached, else the kept one.
   * @param {string} path below the folder of models
   * @param {AbortSignal} [signal]
   * @returns {Promise<string>}
   */
  async text(path, signal) {
    const address = new URL(path, this.base).href;
    const cache = await openCache();
    /** @type {Response | undefined} */
    let response;
    try {
      response = await fetch(address, { signal: signal ?? null, cache: "no-cache" });
    } catch (error) {
      if (signal?.aborted) throw new ZipperError("cancelled", "the download was cancelled");
      response = await cache?.match(address);
      if (!response) throw unreachable(path, error);
    }
    if (response.status === 404) throw new ZipperError("shard-missing", `${path} is not on the site`);
    if (!response.ok) throw new ZipperError("download-failed", `${path}: the site answered ${response.status}`);
    await keep(cache, address, response.clone());
    return await response.text();
  }

  /**
   * The model's manifest. Shards that it no longer lists make room.
   * @param {string} model
   * @param {AbortSignal} [signal]
   * @returns {Promise<Manifest>}
   */
  async manifest(model, signal) {
    const path = `${model}/manifest.json`;
    /** @type {Manifest} */
    let manifest;
    try {
      manifest = JSON.parse(await this.text(path, signal));
    } catch (error) {
      if (error instanceof ZipperError) throw error;
      throw new ZipperError("model-format", `${path} is no JSON`);
    }
    if (!Array.isArray(manifest.shards) || typeof manifest.bytes !== "number") {
      throw new ZipperError("model-format", `${path} lists no shards`);
    }
    await this.#dropStale(await openCache(), model, manifest);
    return manifest;
  }

  /**
   * Whether every shard of the model is kept here (their sums are checked when they are read).
   * @param {string} model
   */
  async isKept(model) {
    const cache = await openCache();
    const address = new URL(`${model}/manifest.json`, this.base).href;
    const response = await cache?.match(address);
    if (!cache || !response) return false;
    /** @type {Manifest} */
    const manifest = await response.json();
    const found = await Promise.all(manifest.shards.map((shard) => cache.match(this.#address(model, shard))));
    return found.every(Boolean);
  }

  /**
   * The model's shards in order, each checked. While one is used the next is already on its way.
   * @param {Manifest} manifest
   * @param {string} model
   * @param {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void }} [options]
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *shards(manifest, model, options = {}) {
    const { signal, onProgress } = options;
    const started = performance.now();
    let [done, downloaded] = [0, 0];
    /** @type {Map<string, number>} bytes of shards still arriving */
    const arriving = new Map();
    const report = () => {
      const loaded = done + [...arriving.values()].reduce((sum, bytes) => sum + bytes, 0);
      const seconds = (performance.now() - started) / 1000;
      const bytesPerSecond = downloaded > 0 && seconds > 0 ? downloaded / seconds : 0;
      const secondsLeft = bytesPerSecond > 0 ? (manifest.bytes - loaded) / bytesPerSecond : null;
      onProgress?.({ model, loaded, total: manifest.bytes, downloaded, bytesPerSecond, secondsLeft });
    };
    /** @param {Shard} shard */
    const get = (shard) =>
      this.#shard(model, shard, signal, (bytes, fresh) => {
        arriving.set(shard.file, (arriving.get(shard.file) ?? 0) + bytes);
        if (fresh) downloaded += bytes;
        report();
      });
    report();
    /** @type {Promise<Uint8Array> | undefined} */
    let next;
    for (const [index, shard] of manifest.shards.entries()) {
      const bytes = await (next ?? get(shard));
      done += bytes.length;
      arriving.delete(shard.file);
      report();
      const following = manifest.shards[index + 1];
      next = following && get(following);
      // Its failure is thrown when it is waited for, not before.
      next?.catch(() => {});
      yield bytes;
    }
  }

  /**
   * @param {string} model
   * @param {Shard} shard
   * @param {AbortSignal | undefined} signal
   * @param {(bytes: number, fresh: boolean) => void} arrived told of every piece; negative when pieces are thrown away
   */
  async #shard(model, shard, signal, arrived) {
    const address = this.#address(model, shard);
    const cache = await openCache();
    const kept = await cache?.match(address);
    if (kept) {
      const bytes = new Uint8Array(await kept.arrayBuffer());
      const fault = await faultOf(shard, bytes);
      if (!fault) {
        arrived(bytes.length, false);
        return bytes;
      }
      // What was kept went bad: fetched again below.
      await cache?.delete(address);
    }
    const bytes = await download(address, shard, signal, (count) => arrived(count, true));
    const fault = await faultOf(shard, bytes);
    if (fault) throw fault;
    await keep(cache, address, new Response(bytes, { headers: { "Content-Type": "application/octet-stream" } }));
    return bytes;
  }

  /**
   * @param {string} model
   * @param {Shard} shard
   */
  #address(model, shard) {
    return new URL(`${model}/${shard.file}`, this.base).href;
  }

  /**
   * Shards of an older edition of this model make room.
   * @param {Cache | undefined} cache
   * @param {string} model
   * @param {Manifest} manifest
   */
  async #dropStale(cache, model, manifest) {
    const folder = new URL(`${model}/`, this.base).href;
    const wanted = new Set(manifest.shards.map((shard) => this.#address(model, shard)));
    for (const request of (await cache?.keys()) ?? []) {
      const inside = request.url.startsWith(folder) && request.url.endsWith(".bin");
      if (inside && !wanted.has(request.url)) await cache?.delete(request);
    }
  }
}

/**
 * One shard over the network. A broken connection is taken up again where it broke.
 * @param {string} address
 * @param {Shard} shard
 * @param {AbortSignal | undefined} signal
 * @param {(bytes: number) => void} arrived
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function download(address, shard, signal, arrived) {
  const bytes = new Uint8Array(shard.bytes);
  let filled = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      const headers = filled > 0 ? { Range: `bytes=${filled}-` } : undefined;
      const response = await fetch(address, { signal: signal ?? null, headers: headers ?? {}, cache: "no-store" });
      if (response.status === 404) throw new ZipperError("shard-missing", `shard ${shard.file} is not on the site`);
      if (!response.ok) throw new ZipperError("download-failed", `shard ${shard.file}: the site answered ${response.status}`);
      if (filled > 0 && response.status !== 206) {
        // The site knows no ranges: from the start.
        arrived(-filled);
        filled = 0;
      }
      if (!response.body) throw new ZipperError("download-failed", `shard ${shard.file} came without content`);
      for await (const piece of response.body) {
        if (filled + piece.length > bytes.length) {
          throw new ZipperError("shard-tampered", `shard ${shard.file} is longer than the ${shard.bytes} bytes that its manifest lists`);
        }
        bytes.set(piece, filled);
        filled += piece.length;
        arrived(piece.length);
      }
      return bytes.subarray(0, filled);
    } catch (error) {
      if (signal?.aborted) throw new ZipperError("cancelled", "the download was cancelled");
      if (error instanceof ZipperError) throw error;
      if (attempt === TRIES) throw unreachable(`shard ${shard.file}`, error);
      await new Promise((resolve) => setTimeout(resolve, 300 * attempt));
    }
  }
}

/**
 * What is wrong with a shard's bytes, if anything.
 * @param {Shard} shard
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function faultOf(shard, bytes) {
  if (bytes.length !== shard.bytes) {
    return new ZipperError("shard-short", `shard ${shard.file} has ${bytes.length} bytes, its manifest says ${shard.bytes}`);
  }
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found === shard.sha256) return undefined;
  return new ZipperError("shard-tampered", `shard ${shard.file} was changed: its sha256 is ${found}, its manifest says ${shard.sha256}`);
}

/**
 * @param {string} what
 * @param {unknown} cause
 */
function unreachable(what, cause) {
  if (navigator.onLine === false) return new ZipperError("offline", `${what} is not on this machine yet, and there is no network`);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ZipperError("download-failed", `${what} could not be downloaded: ${reason}`);
}

/** The cache, or nothing where the browser grants none (some private windows): then every visit downloads. */
async function openCache() {
  try {
    return await caches.open(CACHE);
  } catch {
    return undefined;
  }
}

/**
 * Keeps a response; a full disk only costs the next visit a download.
 * @param {Cache | undefined} cache
 * @param {string} address
 * @param {Response} response
 */
async function keep(cache, address, response) {
  try {
    await cache?.put(address, response);
  } catch {
    await cache?.delete(address).catch(() => false);
  }
}
