// Speaking in the page: a short text through the real model to sound, and texts that cannot be said.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Relay, loadByHand, trouble, visit } from "./support.mjs";

const relay = new Relay();
let context, page, complaints;

before(async () => {
  await relay.open();
  ({ context, page, complaints } = await visit(relay.address));
  await page.waitForSelector("#load:visible", { timeout: 60_000 });
  await loadByHand(page);
});

after(async () => {
  await context?.close();
  await relay.close();
});

const refusals = [
  ["", "nothing-to-say"],
  ["… ☃ !", "nothing-to-say"],
  ["a".repeat(61), "word-too-long"],
];

for (const [text, code] of refusals) {
  test(`${JSON.stringify(text.slice(0, 8))} is refused in plain words`, async () => {
    await page.fill("#speak-text", text);
    await page.click("#speak-run");
    await page.waitForSelector(`#trouble[data-code=${code}]`, { timeout: 300_000 });
    const { message, remedy } = await trouble(page);
    assert.ok(message.length > 20 && remedy.length > 10);
    await page.waitForSelector("#speak-run:not([disabled])");
  });
}

test("the voices are offered by name", async () => {
  const { voices } = JSON.parse(await readFile(new URL("../../models/zipper-en/voice.json", import.meta.url)));
  const offered = await page.$$eval("#voice option", (options) => options.map(({ value }) => value));
  assert.deepEqual(offered, voices.map(({ name }) => name));
});

test("a text becomes sound that is heard and can be saved", async () => {
  await page.fill("#speak-text", "Hi.");
  await page.click("#speak-run");
  // What is heard right now is marked.
  await page.waitForSelector("#speak-reading mark", { timeout: 300_000 });
  assert.equal(await page.textContent("#speak-reading mark"), "Hi.");
  await page.waitForSelector("#speak-run:not([disabled])", { timeout: 300_000 });
  assert.match(await page.textContent("#speak-state"), /^\d+\.\d s of sound, the first after \d+\.\d s$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#speak-save")]);
  const file = await readFile(await download.path());
  assert.equal(file.toString("latin1", 0, 4), "RIFF");
  assert.equal(file.readUInt32LE(24), 24_000);
  const samples = (file.length - 44) / 2;
  assert.equal(samples % 960, 0, "whole speech tokens");
  assert.ok(samples >= 3 * 960, "at least as many tokens as letters");
  const loudest = Math.max(...Array.from({ length: samples }, (_, i) => Math.abs(file.readInt16LE(44 + 2 * i))));
  assert.ok(loudest > 300, `it is not silent: ${loudest}`);
});

test("said again, it is marked again", async () => {
  await page.click("#speak-run");
  await page.waitForSelector("#speak-reading mark", { timeout: 60_000 });
  await page.waitForSelector("#speak-run:not([disabled])", { timeout: 60_000 });
});

test("at another speed it takes another time, and the bar goes back after the end, by the keyboard", async () => {
  const [slow, fast] = [await heardAgain("0.5"), await heardAgain("2")];
  assert.ok(slow > 2 * fast, `${slow} s at half speed, ${fast} s at double`);
  const end = Number(await page.inputValue("#speak-seek"));
  assert.ok(end > 0);
  await page.selectOption("#speak-speed", "0.5");
  await page.focus("#speak-seek");
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector("#speak-stop:visible", { timeout: 10_000 });
  assert.match(await page.getAttribute("#speak-seek", "aria-valuetext"), /^\d+ s of \d+ s$/);
  await page.waitForSelector("#speak-run:not([disabled])", { timeout: 20_000 });
  assert.equal(Number(await page.inputValue("#speak-seek")), end, "it is at the end again");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "speak-seek", "the keyboard kept its place");
  await page.selectOption("#speak-speed", "1");
});

/** Seconds that the last sound takes at a speed. */
async function heardAgain(speed) {
  await page.selectOption("#speak-speed", speed);
  await page.focus("#speak-again");
  const began = performance.now();
  await page.keyboard.press("Enter");
  await page.waitForSelector("#speak-run[disabled]");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "speak-stop");
  await page.waitForSelector("#speak-run:not([disabled])", { timeout: 30_000 });
  return (performance.now() - began) / 1000;
}

test("stops on Escape", async () => {
  await page.fill("#speak-text", "This sentence is never heard to its end. Nor is this one.");
  await page.click("#speak-run");
  await page.waitForSelector("#speak-stop:visible");
  await page.keyboard.press("Escape");
  await page.waitForSelector("#speak-run:not([disabled])", { timeout: 120_000 });
  assert.ok(await page.isHidden("#trouble"));
});

test("the element says its own words and tells the page", async () => {
  await page.evaluate(async () => {
    await import("/www/zipper-speech.js");
    const made = document.createElement("zipper-speech");
    made.setAttribute("task", "speak");
    made.textContent = "Yes.";
    window.told = [];
    for (const name of ["zipper-audio-start", "zipper-audio-end", "zipper-result", "zipper-error"]) {
      made.addEventListener(name, ({ type, detail }) => window.told.push([type, detail.code ?? detail.text]));
    }
    document.querySelector("main").prepend(made);
  });
  await page.getByRole("button", { name: "Hear it" }).click();
  await page.waitForFunction(() => window.told.some(([type]) => type === "zipper-result" || type === "zipper-error"), null, { timeout: 280_000 });
  const told = await page.evaluate(() => window.told);
  assert.deepEqual(told, [["zipper-audio-start", "Yes."], ["zipper-audio-end", "Yes."], ["zipper-result", "Yes."]]);
});

test("nothing complained: no uncaught error, no violation of the policy", () => assert.deepEqual(complaints, []));
