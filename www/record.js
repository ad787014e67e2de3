// One recording: the microphone, from a click until somebody says that it is enough.

import { DEAD_PEAK, Microphone } from "./audio.js";
import { ZipperError } from "./errors.js";

/**
 * @param {AbortSignal} signal throws all of it away
 * @param {object} on
 * @param {(done: () => void) => void} on.begin the microphone is open; `done` ends the recording
 * @param {(level: { peak: number, dead: boolean, seconds: number }) => void} on.level about ten times a second
 * @returns {Promise<Float32Array<ArrayBuffer>>} 16 kHz
 */
export async function record(signal, { begin, level }) {
  const microphone = new Microphone();
  try {
    await microphone.open(level);
    await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      // The browser may have asked for so long that the job was stopped meanwhile: that event will not come again.
      if (signal.aborted) resolve();
      else begin(resolve);
    });
    if (signal.aborted) throw new ZipperError("cancelled", "the recording was stopped");
    const samples = await microphone.samples();
    if (samples.length === 0) throw new ZipperError("audio-silent", "nothing was recorded yet");
    if (samples.every((sample) => Math.abs(sample) < DEAD_PEAK)) throw new ZipperError("microphone-silent", "the microphone delivered silence only");
    return samples;
  } finally {
    await microphone.close();
  }
}
