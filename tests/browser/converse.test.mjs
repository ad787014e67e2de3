// A conversation: what a person said is written down, answered by the text tower, and the answer is heard; in the page and in the element.
// Chromium plays the recorded clip into the microphone. All of it by the keyboard.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Relay, listenIn, loadByHand, trouble, visit } from "./support.mjs";

const clip = join(import.meta.dirname, "../../models/zipper-en/reference/clip.wav");
const relay = new Relay();
let context, page, complaints;

before(async () => {
  await relay.open();
  ({ context, page, complaints } = await visit(`${relay.address}www/headless.html`, {
    args: ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${clip}`],
  }));
  await listenIn(context);
  await page.goto(relay.address);
  await page.waitForSelector("#load:visible", { timeout: 60_000 });
  await loadByHand(page);
});

after(async () => {
  await context?.close();
  await relay.close();
});

/** What has the keyboard. */
const focused = () => page.evaluate(() => document.activeElement?.id);

/** Waits until the button ends the recording. */
const recording = () => page.waitForFunction(() => document.querySelector("#converse").textContent === "I am done", null, { timeout: 60_000 });

/** The next microphone delivers silence, or none is allowed. */
async function spoilMicrophone(how) {
  await page.evaluate((kind) => {
    navigator.mediaDevices.getUserMedia = () =>
      kind === "refused"
        ? Promise.reject(new DOMException("no", "NotAllowedError"))
        : Promise.resolve(new AudioContext().createMediaStreamDestination().stream);
  }, how);
}

test("Escape throws a recording away", async () => {
  await page.focus("#converse");
  await page.keyboard.press("Enter");
  await recording();
  assert.equal(await focused(), "converse", "the keyboard is where the recording is ended");
  await page.keyboard.press("Escape");
  await page.waitForSelector("#converse-stop", { state: "hidden" });
  assert.equal(await page.textContent("#converse"), "Say something");
  assert.equal(await page.textContent("#converse-state"), "");
  assert.ok((await page.isHidden("#trouble")) && (await page.isHidden("#turns")));
  assert.equal(await focused(), "converse");
});

test("what is said into the microphone is written down, answered and heard, until stopped", async () => {
  await page.keyboard.press("Enter");
  await recording();
  await page.waitForTimeout(4000);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#converse[disabled]");
  assert.equal(await focused(), "converse-stop", "the keyboard is where it can be stopped");
  await page.waitForFunction(() => document.querySelector("#converse-state").textContent === "Speaking…", null, { timeout: 280_000 });
  assert.equal(await page.getAttribute("#turns", "aria-busy"), "true");
  await page.waitForFunction(() => window.loudest() > 0.01, null, { timeout: 120_000 });
  const lines = await page.$$eval("#turns p", (turns) => turns.map((turn) => [turn.querySelector("strong").textContent, turn.querySelector("span").textContent]));
  assert.deepEqual(lines.map(([who]) => who.trim()), ["You:", "Zipper:"]);
  for (const [who, words] of lines) assert.match(words, /[a-z]{2}/i, `${who} said something`);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#converse:not([disabled])", { timeout: 120_000 });
  assert.equal(await page.textContent("#converse"), "Say something");
  assert.equal(await focused(), "converse");
  assert.equal(await page.getAttribute("#turns", "aria-busy"), "false");
  assert.equal((await page.isVisible("#trouble")) && (await page.textContent("#trouble")), false);
  await page.evaluate(() => window.loudest());
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => window.loudest()), 0, "it fell silent");
});

test("a silent and a refused microphone are said in words", async () => {
  for (const how of ["silent", "refused"]) {
    await spoilMicrophone(how);
    await page.click("#converse");
    if (how === "silent") {
      await recording();
      await page.waitForFunction(() => /silence/.test(document.querySelector("#converse-state").textContent));
      await page.click("#converse");
    }
    await page.waitForSelector(`#trouble[data-code=microphone-${how}]`, { timeout: 60_000 });
    const { message, remedy, focused: read } = await trouble(page);
    assert.ok(message.length > 20 && remedy.length > 20 && read);
    await page.waitForSelector("#converse-stop", { state: "hidden" });
  }
});

/** An element of the conversation in a page without anything else, so that one engine is open at a time. */
async function makeElement(attributes) {
  await page.goto(`${relay.address}www/headless.html`);
  await page.evaluate(async (given) => {
    await import("/www/zipper-speech.js");
    const made = document.createElement("zipper-speech");
    for (const [name, value] of Object.entries({ task: "converse", ...given })) made.setAttribute(name, value);
    window.told = [];
    for (const name of ["zipper-text", "zipper-answer", "zipper-audio-start", "zipper-audio-end", "zipper-result", "zipper-error"]) {
      document.addEventListener(name, ({ type, detail }) => window.told.push({ type, detail }));
    }
    document.body.append(made);
  }, attributes);
  return page.locator("zipper-speech button");
}

/** Waits for one of the events, or for an error; the last detail of each kind. */
async function told(kind, timeout) {
  await page.waitForFunction((name) => window.told.some(({ type }) => type === name || type === "zipper-error"), kind, { timeout });
  return await page.evaluate(() => Object.fromEntries(window.told.map(({ type, detail }) => [type, detail])));
}

test("the element answers a recording aloud and tells the page", async () => {
  const sound = await readFile(clip);
  relay.fault = (path) => (path === "/clip.wav" ? { status: 200, body: sound } : undefined);
  const button = await makeElement({ src: "/clip.wav", speed: "2", tokens: "4" });
  assert.equal(await button.textContent(), "Say something");
  await button.press("Enter");
  assert.equal(await button.textContent(), "Stop");
  const all = await told("zipper-result", 290_000);
  relay.fault = undefined;
  assert.equal(all["zipper-error"], undefined);
  const { heard, answer, spoken, cancelled } = all["zipper-result"];
  assert.ok(heard.text.length > 1 && answer.length > 1 && !cancelled);
  assert.ok(spoken.seconds > 0 && !spoken.cancelled);
  assert.equal(all["zipper-text"].text, heard.text);
  assert.equal(all["zipper-answer"].text, answer);
  assert.deepEqual([all["zipper-audio-start"].text, all["zipper-audio-end"].text], [answer, answer]);
  assert.ok((await page.evaluate(() => window.loudest())) > 0.01, "it was heard");
  assert.equal(await button.textContent(), "Say something");
  const shown = await page.evaluate(() => document.querySelector("zipper-speech").shadowRoot.textContent);
  assert.ok(shown.includes(`You: ${heard.text}`) && shown.includes(`Zipper: ${answer}`), shown);
});

test("the element stops on Escape, and when it is taken away", async () => {
  const stops = [
    () => page.keyboard.press("Escape"),
    () => page.evaluate(() => document.querySelector("zipper-speech").remove()),
  ];
  for (const stop of stops) {
    const button = await makeElement({});
    // Events of an element that is gone reach nobody else.
    await page.evaluate(() => document.querySelector("zipper-speech").addEventListener("zipper-error", ({ type, detail }) => window.told.push({ type, detail })));
    await button.press("Enter");
    await page.getByRole("button", { name: "I am done" }).waitFor();
    await stop();
    assert.equal((await told("zipper-result", 10_000))["zipper-error"].code, "cancelled");
  }
});

test("the element says in words that the microphone is refused, and that a recording is missing", async () => {
  const refused = await makeElement({});
  await spoilMicrophone("refused");
  await refused.press("Enter");
  assert.equal((await told("zipper-result", 10_000))["zipper-error"].code, "microphone-refused");
  assert.match(await page.locator("zipper-speech [role=status]").textContent(), /^The browser may not use the microphone\. Allow .+\.$/);
  const missing = await makeElement({ src: "/nothing.wav" });
  await missing.press("Enter");
  assert.equal((await told("zipper-result", 10_000))["zipper-error"].code, "download-failed");
  assert.equal(await missing.textContent(), "Say something");
});

test("nothing complained", () => assert.deepEqual(complaints, []));
