// The module that other pages import, without the demo around it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Relay, visit } from "./support.mjs";

const relay = new Relay();
let context, page, complaints;

before(async () => {
  await relay.open();
  ({ context, page, complaints } = await visit(`${relay.address}www/headless.html`));
});

after(async () => {
  await context?.close();
  await relay.close();
});

test("before loading there is no model, and the error says so", async () => {
  const codes = await page.evaluate(async () => {
    const { createZipper } = await import("/www/zipper.js");
    window.zipper = await createZipper();
    const code = (promise) => promise.then(() => "none", (error) => error.code);
    return [await code(window.zipper.generate("Hello")), await code(window.zipper.tokenize("Hello"))];
  });
  assert.deepEqual(codes, ["model-missing", "model-missing"]);
});

test("asked for twice at once, the model is loaded once and both are told", async () => {
  relay.takeShards();
  const [first, second] = await page.evaluate(() => Promise.all([window.zipper.load(), window.zipper.load()]));
  assert.deepEqual(first, second);
  assert.equal(first.vocabulary, 49152);
  assert.equal(relay.takeShards().length, 6);
});

test("text to tokens and back is the same text", async () => {
  const texts = ["Grüße aus 東京, 42\n\n\ttabs  and  spaces 🙂", "don't", "1234567890"];
  const back = await page.evaluate(async (all) => {
    const round = async (text) => window.zipper.detokenize(await window.zipper.tokenize(text));
    return await Promise.all(all.map(round));
  }, texts);
  assert.deepEqual(back, texts);
});

test("the same seed draws the same text, another seed another one", async () => {
  const [a, b, c] = await page.evaluate(async () => {
    const draw = async (seed) =>
      (await window.zipper.generate("My favourite colour is", { maxTokens: 6, temperature: 1.2, seed })).token_ids.join(" ");
    return [await draw(7), await draw(7), await draw(8)];
  });
  assert.equal(a, b);
  assert.notEqual(a, c);
});

test("a second request while one runs is told to wait; a cancelled one gives what it has", async () => {
  const { busy, stop, length } = await page.evaluate(async () => {
    const abort = new AbortController();
    const running = window.zipper.generate("Once upon a time", { maxTokens: 300, signal: abort.signal, onToken: () => abort.abort() });
    const refused = await window.zipper.generate("Hello").catch((error) => error.code);
    const result = await running;
    await window.zipper.cancel();
    await window.zipper.cancel();
    return { busy: refused, stop: result.stop, length: result.token_ids.length };
  });
  assert.equal(busy, "busy");
  assert.equal(stop, "cancelled");
  assert.ok(length >= 1 && length < 300, `${length} tokens`);
});

test("options that make no sense are named", async () => {
  const message = await page.evaluate(() => window.zipper.generate("Hello", { temperature: 99 }).catch((error) => error.message));
  assert.match(message, /temperature.*99/);
});

test("nothing complained", () => assert.deepEqual(complaints, []));
