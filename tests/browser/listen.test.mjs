// Hearing in the page: the recorded clip, files that are no speech, and a microphone (Chromium plays a file into it).

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Relay, loadByHand, trouble, visit } from "./support.mjs";

const reference = join(import.meta.dirname, "../../models/zipper-en/reference");
const clip = join(reference, "clip.wav");
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

/** What PyTorch heard in the clip, from the reference's metadata. */
async function recordedTranscript() {
  const bytes = await readFile(join(reference, "listen.safetensors"));
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString());
  return header.__metadata__.transcript;
}

/** A WAV file of 16-bit samples at 16 kHz. */
function wav(samples) {
  const bytes = Buffer.alloc(44 + samples.length * 2);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(36 + samples.length * 2, 4);
  bytes.write("WAVEfmt ", 8);
  [[16, 16], [28, 32_000]].forEach(([at, value]) => bytes.writeUInt32LE(value, at));
  [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, value]) => bytes.writeUInt16LE(value, at));
  bytes.writeUInt32LE(16_000, 24);
  bytes.write("data", 36);
  bytes.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, i) => bytes.writeInt16LE(sample, 44 + i * 2));
  return bytes;
}

test("the recorded clip, uncut, gives the words that PyTorch heard", async () => {
  const heard = await page.evaluate(async (base64) => {
    const [{ createZipper }, { decodeFile }] = await Promise.all([import("/www/zipper.js"), import("/www/audio.js")]);
    const zipper = await createZipper();
    await zipper.loadHearing();
    const samples = await decodeFile(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]));
    const { text } = await zipper.hear(samples);
    zipper.close();
    return text;
  }, (await readFile(clip)).toString("base64"));
  assert.equal(heard, (await recordedTranscript()).trim());
});

test("speech is found between pauses, also when the recording is looked at in pieces", async () => {
  const found = await page.evaluate(async (base64) => {
    const modules = ["/www/zipper.js", "/www/audio.js", "/www/segments.js"].map((module) => import(module));
    const [{ createZipper }, { RATE, decodeFile }, { segments }] = await Promise.all(modules);
    const zipper = await createZipper();
    const said = await decodeFile(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]));
    const recording = new Float32Array(2 * said.length + 6 * RATE);
    recording.set(said, 2 * RATE);
    recording.set(said, 4 * RATE + said.length);
    // Three seconds end in the middle of the first words.
    const both = [await segments(zipper, recording), await segments(zipper, recording, 3 * RATE)];
    zipper.close();
    return both.map((list) => list.map(({ start, end }) => ({ start: start / RATE, end: end / RATE })));
  }, (await readFile(clip)).toString("base64"));
  const [whole, pieces] = found;
  assert.deepEqual([whole.length, pieces.length], [2, 2], JSON.stringify(found));
  for (const [i, { start, end }] of whole.entries()) {
    assert.ok(end - start > 0.5 && end - start < 2.52, JSON.stringify(whole));
    assert.ok(Math.abs(pieces[i].start - start) < 0.15 && Math.abs(pieces[i].end - end) < 0.15, JSON.stringify(found));
  }
});

test("a chosen file becomes words with times, and can be saved", async () => {
  await page.setInputFiles("#file", clip);
  await page.waitForSelector("#heard-actions:not([hidden])", { timeout: 120_000 });
  const words = await page.$$eval("#heard .word", (parts) => parts.map(({ textContent, title }) => ({ textContent, title })));
  assert.ok(words.length >= 1);
  assert.ok(words.every(({ title }) => /^\d+\.\d\d–\d+\.\d\d s$/.test(title)), JSON.stringify(words));
  const download = page.waitForEvent("download");
  await page.click('button[data-save="srt"]');
  const saved = await readFile(await (await download).path(), "utf8");
  assert.match(saved, /^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n\S/);
});

test("silence, noise, an empty file and one that is no sound are said in words", async () => {
  // A linear congruential generator: the same noise every time.
  let state = 1;
  const noise = Array.from({ length: 48_000 }, () => {
    state = (state * 16_807) % 2_147_483_647;
    return (state % 4000) - 2000;
  });
  const files = [
    ["audio-silent", wav(new Array(32_000).fill(0))],
    ["audio-empty", Buffer.alloc(0)],
    ["audio-silent", wav(noise)],
    ["audio-unreadable", Buffer.from("this is a shopping list")],
  ];
  for (const [code, buffer] of files) {
    await page.setInputFiles("#file", { name: "file.wav", mimeType: "audio/wav", buffer });
    await page.waitForSelector(`#trouble[data-code=${code}]`, { timeout: 60_000 });
    assert.ok((await trouble(page)).remedy.length > 10);
  }
});

test("a refused microphone is said", async () => {
  await page.click("#microphone");
  await page.waitForSelector("#trouble[data-code=microphone-refused], #trouble[data-code=microphone-missing]", { timeout: 60_000 });
});

test("nothing complained", () => assert.deepEqual(complaints, []));

test("the element transcribes its src and tells the page, leaving no global", async () => {
  const recording = await readFile(clip);
  relay.fault = (path) => (path === "/clip.wav" ? { status: 200, body: recording } : undefined);
  const other = await context.newPage();
  await other.goto(`${relay.address}www/headless.html`);
  const { result, progressed, shown, globals } = await other.evaluate(async () => {
    const known = new Set(Object.keys(window));
    await import("/www/zipper-speech.js");
    const element = document.createElement("zipper-speech");
    let count = 0;
    document.addEventListener("zipper-progress", () => (count += 1));
    const done = new Promise((resolve, reject) => {
      document.addEventListener("zipper-result", (event) => resolve(event.detail), { once: true });
      document.addEventListener("zipper-error", (event) => reject(new Error(event.detail.code)), { once: true });
    });
    document.body.append(element);
    element.setAttribute("src", "/clip.wav");
    const detail = await done;
    const added = Object.keys(window).filter((name) => !known.has(name));
    return { result: detail, progressed: count, shown: element.shadowRoot.textContent, globals: added };
  });
  await other.close();
  relay.fault = undefined;
  assert.ok(result.text.length > 1 && result.words.length >= 1);
  assert.ok(progressed > 0);
  assert.ok(shown.includes(result.text));
  assert.deepEqual(globals, []);
});

test("words spoken into the microphone appear", async () => {
  const spoken = await visit(relay.address, {
    args: ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${clip}`],
  });
  try {
    await spoken.page.waitForSelector("#load:visible", { timeout: 60_000 });
    await loadByHand(spoken.page);
    await spoken.page.click("#microphone");
    await spoken.page.waitForSelector("#level:visible");
    await spoken.page.waitForFunction(() => document.querySelector("#level").value > 0.05, null, { timeout: 60_000 });
    await spoken.page.waitForTimeout(5000);
    await spoken.page.click("#listen-stop");
    await spoken.page.waitForSelector("#heard-actions:not([hidden])", { timeout: 170_000 });
    assert.match(await spoken.page.textContent("#heard"), /[a-z]{2}/i);
    assert.deepEqual(spoken.complaints, []);
  } finally {
    await spoken.context.close();
  }
});
