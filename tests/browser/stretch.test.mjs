// Playback at another speed: the sound itself at speed 1; else as much longer or shorter, at the same pitch and without clicks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HALF, Stretch } from "../../www/worklets/stretch.js";

const RATE = 24_000;

/** A voice-like sound: a few harmonics of 180 Hz. */
function voiced(samples) {
  return Float32Array.from({ length: samples }, (_, i) => {
    const turn = (2 * Math.PI * 180 * i) / RATE;
    return 0.4 * Math.sin(turn) + 0.2 * Math.sin(2 * turn + 1) + 0.1 * Math.sin(3 * turn + 2);
  });
}

function played(sound, speed) {
  const read = (from, count) => Float32Array.from({ length: count }, (_, i) => sound[from + i] ?? 0);
  const stretch = new Stretch();
  const out = [];
  while (stretch.at < sound.length) out.push(...stretch.pull(read, speed));
  return out;
}

test("at speed 1 the sound comes out as it is", () => {
  const sound = voiced(10 * HALF);
  const out = played(sound, 1);
  assert.equal(out.length, sound.length);
  const worst = Math.max(...out.map((sample, i) => Math.abs(sample - sound[i])));
  assert.ok(worst < 1e-6, `off by ${worst}`);
});

for (const speed of [0.5, 0.75, 1.5, 2]) {
  test(`at speed ${speed} it takes 1/${speed} of the time, at its pitch, without clicks`, () => {
    const sound = voiced(2 * RATE);
    const out = played(sound, speed);
    assert.ok(Math.abs(out.length - sound.length / speed) <= HALF);
    const inside = out.slice(HALF, -2 * HALF);
    const rising = inside.filter((sample, i) => i > 0 && inside[i - 1] < 0 && sample >= 0).length;
    const hertz = (rising * RATE) / inside.length;
    assert.ok(Math.abs(hertz - 180) < 6, `${hertz} Hz instead of 180`);
    const steepest = (samples) => Math.max(...samples.slice(1).map((sample, i) => Math.abs(sample - samples[i])));
    assert.ok(steepest(inside) < 1.5 * steepest([...sound]), "no sample jumps");
    const power = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    assert.ok(Math.abs(power(inside) / power([...sound]) - 1) < 0.1, "as loud as before");
  });
}

test("after a jump the sound begins at full height", () => {
  const sound = voiced(10 * HALF);
  const read = (from, count) => Float32Array.from({ length: count }, (_, i) => sound[from + i] ?? 0);
  const stretch = new Stretch();
  stretch.pull(read, 1);
  stretch.seek(3 * HALF);
  assert.deepEqual([...stretch.pull(read, 1)], [...sound.slice(3 * HALF, 4 * HALF)]);
});
