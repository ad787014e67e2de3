// Playback alone, without a model: pace, jumps, the end, and going back after it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Relay, listenIn, visit } from "./support.mjs";

const relay = new Relay();
let context, page, complaints;

before(async () => {
  await relay.open();
  ({ context, page, complaints } = await visit(`${relay.address}www/headless.html`));
  await listenIn(context);
  await page.reload();
  // Sound needs a click.
  await page.mouse.click(5, 5);
  await page.evaluate(() => {
    /** A player that was given so many seconds of a tone, and waits for its ends. */
    window.tone = async (seconds) => {
      const { Player } = await import("/www/player.js");
      const player = new Player();
      let ends = 0;
      player.onEnd = () => (ends += 1);
      await player.open();
      player.add(Float32Array.from({ length: seconds * 24_000 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 220 * i) / 24_000)));
      const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
      /** Seconds until all was heard for the `count`th time; 10 are too many. */
      const until = async (count) => {
        const began = performance.now();
        while (ends < count && performance.now() - began < 10_000) await pause(5);
        return (performance.now() - began) / 1000;
      };
      return { player, until, pause, ends: () => ends };
    };
  });
});

after(async () => {
  await context?.close();
  await relay.close();
});

for (const speed of [0.5, 1, 2]) {
  test(`at speed ${speed} a second takes 1/${speed} s`, async () => {
    const { took, loudest } = await page.evaluate(async (pace) => {
      const { player, until } = await window.tone(1);
      player.speed = pace;
      player.finish();
      window.loudest();
      const seconds = await until(1);
      await player.close();
      return { took: seconds, loudest: window.loudest() };
    }, speed);
    assert.ok(took > 0.8 / speed && took < 1 / speed + 0.7, `${took} s`);
    assert.ok(loudest > 0.3, `it was heard: ${loudest}`);
  });
}

test("going back after the end plays again from there, and ends again", async () => {
  const { before: first, took, loudest, ends, position } = await page.evaluate(async () => {
    const { player, until, pause, ends: count } = await window.tone(2);
    player.speed = 2;
    player.finish();
    await until(1);
    const place = player.position;
    await pause(300);
    window.loudest();
    player.seek(1);
    const seconds = await until(2);
    const heard = window.loudest();
    await pause(300);
    await player.close();
    return { before: place, took: seconds, loudest: heard, ends: count(), position: player.position };
  });
  assert.equal(first, 2);
  assert.ok(took > 0.3 && took < 1.2, `${took} s`);
  assert.ok(loudest > 0.3, `it was heard: ${loudest}`);
  assert.equal(ends, 2, "each end is told once");
  assert.equal(position, 2);
});

test("nothing is heard in a pause, and the end does not come; a jump beyond the end is the end", async () => {
  const { loudest, ends, took } = await page.evaluate(async () => {
    const { player, until, pause, ends: count } = await window.tone(1);
    player.pause(true);
    player.finish();
    await pause(200);
    window.loudest();
    player.seek(99);
    await pause(300);
    const silent = window.loudest();
    const none = count();
    player.pause(false);
    const seconds = await until(1);
    await player.close();
    return { loudest: silent, ends: none, took: seconds };
  });
  assert.equal(loudest, 0);
  assert.equal(ends, 0);
  assert.ok(took < 1, `${took} s`);
});

test("nothing complained", () => assert.deepEqual(complaints, []));
