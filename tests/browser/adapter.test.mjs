// The adapter: none, lost, and whether Chromium's WGSL compiler takes every kernel.

import assert from "node:assert/strict";
import { test } from "node:test";
import { address } from "../../xtask/headless/chromium.mjs";
import { loadByHand, trouble, visit } from "./support.mjs";

test("without WebGPU the page says what to do", async () => {
  const { context, page } = await visit(address(), { gpu: "none" });
  try {
    const said = await trouble(page);
    assert.equal(said.code, "no-webgpu");
    assert.match(said.remedy, /Chrome/);
    assert.equal(await page.getAttribute("#adapter", "data-kind"), "none");
  } finally {
    await context.close();
  }
});

test("every kernel compiles in Chromium", async () => {
  const { context, page } = await visit(new URL("www/headless.html", address()).href);
  try {
    const { count, faults } = await page.evaluate(async () => {
      const { createZipper } = await import("/www/zipper.js");
      const zipper = await createZipper();
      const sources = await zipper.call("shaderSources", []);
      const adapter = await navigator.gpu.requestAdapter();
      const device = await adapter.requestDevice();
      const found = [];
      for (const { name, source } of sources) {
        device.pushErrorScope("validation");
        const { messages } = await device.createShaderModule({ code: source }).getCompilationInfo();
        found.push(...messages.filter(({ type }) => type === "error").map(({ lineNum, message }) => `${name}:${lineNum}: ${message}`));
        const error = await device.popErrorScope();
        if (error) found.push(`${name}: ${error.message}`);
      }
      return { count: sources.length, faults: found };
    });
    assert.deepEqual(faults, []);
    assert.ok(count >= 20, `${count} kernels`);
  } finally {
    await context.close();
  }
});

test("a lost device is said, and the page recovers", async () => {
  const { context, page } = await visit(address());
  try {
    await page.waitForSelector("#load:visible", { timeout: 60_000 });
    await loadByHand(page);
    await page.fill("#max-tokens", "200");
    await page.click("#run");
    await page.waitForFunction(() => document.querySelector("#result-text").textContent.length > 0, null, { timeout: 120_000 });
    // Ends the browser's GPU process, as a driver reset would.
    await (await context.newCDPSession(page)).send("Browser.crashGpuProcess");
    const said = await trouble(page);
    assert.equal(said.code, "device-lost");
    await page.click("#trouble-again");
    await page.waitForSelector("#run:not([disabled])", { timeout: 120_000 });
    await page.fill("#max-tokens", "3");
    await page.click("#run");
    await page.waitForSelector("#result[aria-busy=false]:not([hidden])", { timeout: 120_000 });
    assert.match(await page.textContent("#result-text"), /Paris/);
  } finally {
    await context.close();
  }
});
