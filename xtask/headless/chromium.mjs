// Headless Chromium with WebGPU, by playwright-core. Reads ZIPPER_CHROMIUM (its path) and ZIPPER_GPU (`swiftshader`, or `native` for the machine's own adapter).

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/** The adapter in software that Chromium brings along works on every machine; `native` takes what the machine has. */
const GPU = {
  swiftshader: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  native: ["--enable-unsafe-webgpu", "--enable-features=Vulkan"],
  none: ["--disable-features=WebGPU", "--disable-blink-features=WebGPU"],
};

/**
 * A browser with a profile of its own, which goes when it is closed.
 * @param {{ gpu?: "swiftshader" | "native" | "none", args?: string[] }} [options]
 */
export async function launch({ gpu = process.env.ZIPPER_GPU ?? "swiftshader", args = [] } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "zipper-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.ZIPPER_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    // Chromium refuses its sandbox to root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...QUIET, ...GPU[gpu], ...args],
  });
  context.on("close", () => void rm(profile, { recursive: true, force: true }).catch(() => {}));
  return context;
}

/** The page's address, from ZIPPER_URL. */
export function address() {
  const url = process.env.ZIPPER_URL;
  if (!url) throw new Error("ZIPPER_URL is not set: run this through `cargo xtask`");
  return url;
}
