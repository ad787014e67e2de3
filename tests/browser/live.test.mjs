// Text while somebody speaks: what lies behind a pause is heard once, its samples are not wanted any more, and nothing is lost or said twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RATE } from "../../www/audio.js";
import { Live } from "../../www/live.js";

/** Stands in for the engine: every stretch that is not silent is speech, and its height is its word. */
class Ears {
  heard = [];

  speechSegments(samples) {
    const found = [];
    let start = -1;
    for (let i = 0; i <= samples.length; i++) {
      const loud = i < samples.length && samples[i] !== 0;
      if (loud && start < 0) start = i;
      if (!loud && start >= 0) {
        found.push({ start, end: i });
        start = -1;
      }
    }
    return Promise.resolve(found);
  }

  hear(samples, { onText } = {}) {
    const text = `word${Math.round(samples[0] * 100)}`;
    this.heard.push({ text, seconds: samples.length / RATE });
    onText?.(text);
    return Promise.resolve({ text, words: [{ word: text, start: 0, end: samples.length / RATE }], timings: { decode_ms: 1 } });
  }
}

/** Words of a second with a pause of two behind each; louder than what is raised. */
function recording(words) {
  const samples = new Float32Array(words * 3 * RATE);
  for (let word = 0; word < words; word++) samples.fill(0.6 + word / 100, word * 3 * RATE, (word * 3 + 1) * RATE);
  return samples;
}

test("a long recording is heard once, with the last words again and again", async () => {
  const ears = new Ears();
  const live = new Live(ears);
  const whole = recording(20);
  const texts = [];
  let kept = 0;
  for (let until = RATE / 2; until < whole.length; until += RATE / 2) {
    await live.hear(whole.slice(live.wanted, until), { onText: (text) => texts.push(text) });
    kept = Math.max(kept, until - live.wanted);
  }
  assert.equal(live.empty, false);
  await live.hear(whole.slice(live.wanted), { last: true });
  const { text, words, segments, seconds } = live.result(whole.length / RATE);
  const expected = Array.from({ length: 20 }, (_, word) => `word${60 + word}`);
  assert.equal(text, expected.join(" "));
  assert.deepEqual(segments.map((segment) => segment.start), expected.map((_, word) => 3 * word));
  assert.deepEqual(words.map(({ start, end }) => [start, end]), expected.map((_, word) => [3 * word, 3 * word + 1]));
  assert.equal(seconds, 60);
  assert.ok(texts.includes("word60") && texts.at(-1).startsWith(expected.slice(0, 19).join(" ")), "the text grows");
  const work = ears.heard.reduce((sum, one) => sum + one.seconds, 0);
  assert.ok(work < 20 * 5, `${work} s were heard of 20 s of speech`);
  assert.ok(kept < 6 * RATE, `${kept / RATE} s had to be kept`);
});

test("what is stopped in the middle is heard at the end", async () => {
  const ears = new Ears();
  const live = new Live(ears);
  const whole = recording(2);
  const stop = new AbortController();
  stop.abort();
  await live.hear(whole, { signal: stop.signal });
  assert.ok(live.empty);
  await live.hear(whole, { last: true });
  assert.equal(live.result(6).text, "word60 word61");
});

test("silence leaves nothing", async () => {
  const live = new Live(new Ears());
  await live.hear(new Float32Array(5 * RATE), { last: true });
  assert.ok(live.empty);
  assert.equal(live.result(5).text, "");
});
