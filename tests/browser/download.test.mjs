// Downloads that go wrong: each is named, leaves the page usable, and a second try fetches only what is missing.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { MODEL, Relay, loadByHand, trouble, visit } from "./support.mjs";

let relay, context, page, complaints, third;

beforeEach(async () => {
  relay = await new Relay().open();
  const manifest = await (await fetch(new URL(`models/${MODEL}/manifest.json`, process.env.ZIPPER_URL))).json();
  third = manifest.shards[2].file;
  ({ context, page, complaints } = await visit(relay.address));
  await page.waitForSelector("#load:visible", { timeout: 60_000 });
});

afterEach(async () => {
  await context?.close();
  await relay.close().catch(() => {});
});

/** One fault in the third shard: what the page says, then that trying again works and fetches no shard twice that was right. */
async function faultThenRetry(code, fault) {
  relay.fault = (path, body) => (path.endsWith(third) ? fault(body) : undefined);
  await page.click("#load");
  const said = await trouble(page);
  assert.equal(said.code, code);
  assert.ok(said.message.includes(third), `the shard is named: ${said.message}`);
  assert.ok(await page.isDisabled("#run"));
  relay.fault = undefined;
  const before = relay.takeShards().map(({ path }) => path);
  await page.click("#trouble-again");
  await page.waitForSelector("#run:not([disabled])", { timeout: 120_000 });
  const again = relay.takeShards().map(({ path }) => path);
  assert.ok(again.some((path) => path.endsWith(third)));
  const good = before.filter((path) => !path.endsWith(third)).slice(0, 2);
  assert.ok(good.every((path) => !again.includes(path)), "shards that were right came from the store");
  assert.deepEqual(complaints, []);
}

test("a tampered shard", () =>
  faultThenRetry("shard-tampered", (body) => {
    const changed = Buffer.from(body);
    changed[1000] ^= 1;
    return { body: changed };
  }));

test("a truncated shard", () => faultThenRetry("shard-short", (body) => ({ body: body.subarray(0, 5000) })));

test("a missing shard", () => faultThenRetry("shard-missing", () => ({ status: 404, body: Buffer.from("no") })));

test("a broken connection is taken up where it broke", async () => {
  let broken = 0;
  relay.fault = (path) => (path.endsWith(third) && broken++ === 0 ? { cutAfter: 4_000_000 } : undefined);
  await loadByHand(page);
  const asked = relay.takeShards().filter(({ path }) => path.endsWith(third));
  assert.equal(asked.length, 2);
  const from = Number(/^bytes=(\d+)-$/.exec(asked[1].range ?? "")?.[1]);
  assert.ok(from > 0 && from <= 4_000_000, `went on at byte ${from}`);
  assert.ok(await page.isHidden("#trouble"));
});

test("a kept shard that went bad is fetched again", async () => {
  await loadByHand(page);
  await page.evaluate(async (file) => {
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) if (request.url.endsWith(file)) await cache.put(request, new Response("rotten"));
    }
  }, third);
  relay.takeShards();
  await page.reload();
  await page.waitForSelector("#run:not([disabled])", { timeout: 120_000 });
  assert.deepEqual(relay.takeShards().map(({ path }) => path.split("/").at(-1)), [third]);
});

test("after one visit the page works without a network", async () => {
  await loadByHand(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await relay.close();
  await page.reload();
  await page.waitForSelector("#run:not([disabled])", { timeout: 120_000 });
  await page.fill("#max-tokens", "3");
  await page.click("#run");
  await page.waitForSelector("#result[aria-busy=false]:not([hidden])", { timeout: 120_000 });
  assert.match(await page.textContent("#result-text"), /Paris/);
});

test("without a network and without the model it says so", async () => {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await relay.close();
  await page.click("#load");
  assert.ok(["download-failed", "offline"].includes((await trouble(page)).code));
});
