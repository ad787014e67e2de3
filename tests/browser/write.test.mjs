// The page writes: real model, real engine, Chromium's own software adapter.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Relay, loadByHand, trouble, visit } from "./support.mjs";

const relay = new Relay();
let context, page, complaints;

before(async () => {
  await relay.open();
  ({ context, page, complaints } = await visit(relay.address));
});

after(async () => {
  await context?.close();
  await relay.close();
});

test("names the adapter and says that it is a software one", async () => {
  await page.waitForSelector("#adapter[data-kind=software]", { timeout: 60_000 });
  assert.match(await page.textContent("#adapter"), /swiftshader.*software/i);
  assert.ok(await page.isDisabled("#run"), "nothing can be written before the model is there");
});

test("loads the model with progress in bytes", async () => {
  const seen = page.evaluate(
    () =>
      new Promise((resolve) => {
        const values = [];
        const bar = document.querySelector("#progress-bar");
        const watch = setInterval(() => {
          values.push(bar.value);
          if (!document.querySelector("#run").disabled) {
            clearInterval(watch);
            resolve({ values, max: bar.max });
          }
        }, 20);
      }),
  );
  await loadByHand(page);
  const { values, max } = await seen;
  assert.equal(max, 98_362_432);
  assert.ok(new Set(values).size > 5, `the bar moved: ${new Set(values).size} values`);
  assert.ok(values.every((value, i) => i === 0 || value >= values[i - 1]), "it never went back");
  assert.ok(await page.isHidden("#fetching"));
});

test("writes a true continuation, streamed", async () => {
  await page.fill("#prompt", "The capital of France is");
  await page.fill("#max-tokens", "5");
  await page.click("#run");
  await page.waitForSelector("#result[aria-busy=true]:not([hidden])", { timeout: 120_000 });
  await page.waitForSelector("#result[aria-busy=false]", { timeout: 120_000 });
  assert.match(await page.textContent("#result-text"), /Paris/);
  assert.match(await page.textContent("#speed"), /5 tokens · \d+\.\d tokens\/s/);
});

test("an empty prompt and one over the context are refused in words, and the page goes on", async () => {
  await page.fill("#prompt", "   ");
  await page.click("#run");
  const empty = await trouble(page);
  assert.equal(empty.code, "prompt-empty");
  assert.ok(empty.focused && empty.remedy.length > 10);
  await page.fill("#prompt", "word ".repeat(9000));
  await page.click("#run");
  await page.waitForSelector("#trouble[data-code=prompt-too-long]", { timeout: 60_000 });
  assert.match((await trouble(page)).message, /tokens/);
  await page.fill("#prompt", "One, two, three,");
  await page.click("#run");
  await page.waitForSelector("#trouble", { state: "hidden" });
  await page.waitForFunction(() => /four/.test(document.querySelector("#result-text").textContent), null, { timeout: 120_000 });
  await page.waitForSelector("#result[aria-busy=false]", { timeout: 120_000 });
});

test("stops on Escape, and cancelling twice is harmless", async () => {
  await page.fill("#prompt", "Once upon a time");
  await page.fill("#max-tokens", "400");
  await page.click("#run");
  await page.waitForFunction(() => document.querySelector("#result-text").textContent.length > 0, null, { timeout: 120_000 });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.waitForSelector("#result[aria-busy=false]", { timeout: 60_000 });
  assert.match(await page.textContent("#speed"), /stopped/);
  assert.ok(await page.isHidden("#trouble"));
});

test("nothing complained: no uncaught error, no violation of the policy", () => assert.deepEqual(complaints, []));
