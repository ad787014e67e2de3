// A conversation: a recorded question is written down, answered by the text tower, and the answer is spoken; in the page and in the element.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Relay, loadByHand, visit } from "./support.mjs";

const clip = join(import.meta.dirname, "../../models/zipper-en/reference/clip.wav");
const relay = new Relay();
let context, page, complaints;

before(async () => {
  await relay.open();
  ({ context, page, complaints } = await visit(relay.address, {
    args: ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${clip}`],
  }));
  await page.waitForSelector("#load:visible", { timeout: 60_000 });
  await loadByHand(page);
});

after(async () => {
  await context?.close();
  await relay.close();
});

test("what is said into the microphone is written down, answered and spoken, until stopped", async () => {
  await page.click("#converse");
  await page.waitForFunction(() => document.querySelector("#converse").textContent === "I am done", null, { timeout: 60_000 });
  await page.waitForTimeout(4000);
  await page.click("#converse");
  await page.waitForFunction(() => document.querySelector("#converse-state").textContent === "Speaking…", null, { timeout: 280_000 });
  const lines = await page.$$eval("#turns p", (turns) => turns.map((turn) => [turn.querySelector("strong").textContent, turn.querySelector("span").textContent]));
  assert.deepEqual(lines.map(([who]) => who.trim()), ["You:", "Zipper:"]);
  for (const [who, words] of lines) assert.match(words, /[a-z]{2}/i, `${who} said something`);
  await page.click("#converse-stop");
  await page.waitForSelector("#converse:not([disabled])", { timeout: 120_000 });
  assert.equal(await page.textContent("#converse"), "Say something");
  assert.equal(await page.isVisible("#trouble") && (await page.textContent("#trouble")), false);
});

test("the element answers a recording aloud and tells the page", async () => {
  const recording = await readFile(clip);
  relay.fault = (path) => (path === "/clip.wav" ? { status: 200, body: recording } : undefined);
  await page.evaluate(async () => {
    await import("/www/zipper-speech.js");
    const made = document.createElement("zipper-speech");
    made.setAttribute("task", "converse");
    made.setAttribute("src", "/clip.wav");
    made.setAttribute("speed", "2");
    window.told = [];
    for (const name of ["zipper-text", "zipper-answer", "zipper-audio-start", "zipper-audio-end", "zipper-result", "zipper-error"]) {
      made.addEventListener(name, ({ type, detail }) => window.told.push({ type, detail }));
    }
    document.querySelector("main").prepend(made);
  });
  const button = page.locator("zipper-speech button");
  assert.equal(await button.textContent(), "Say something");
  await button.click();
  await page.waitForFunction(() => window.told.some(({ type }) => type === "zipper-audio-start" || type === "zipper-error"), null, { timeout: 280_000 });
  assert.equal(await button.textContent(), "Stop");
  await button.click();
  await page.waitForFunction(() => window.told.some(({ type }) => type === "zipper-result" || type === "zipper-error"), null, { timeout: 120_000 });
  relay.fault = undefined;
  const told = await page.evaluate(() => window.told);
  const last = (name) => told.findLast(({ type }) => type === name)?.detail;
  assert.equal(last("zipper-error"), undefined);
  const { heard, answer, spoken } = last("zipper-result");
  assert.equal(last("zipper-text").text, heard.text);
  assert.equal(last("zipper-answer").text, answer);
  assert.ok(heard.text.length > 1 && answer.length > 1);
  assert.ok(spoken.seconds > 0 && spoken.cancelled);
  assert.deepEqual([last("zipper-audio-start").text, last("zipper-audio-end").text], [answer, answer]);
});

test("nothing complained", () => assert.deepEqual(complaints, []));
