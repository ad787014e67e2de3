// Faster or slower at the same pitch: WSOLA (Verhelst and Roelands 1993). Overlapping grains are taken from the sound at another pace, each
// moved a little so that it goes on where the one before it would have gone on.

/** Samples of half a grain: 20 ms at 24 kHz. */
export const HALF = 480;
/** How far a grain may be moved, samples. */
const REACH = 160;
/** Every so many samples are compared, and moved by. */
const GRID = 2;

/** Rises over half a grain; with its mirror it sums to 1. */
const rise = Float32Array.from({ length: HALF }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / HALF));

/** Reads a sound at any pace, half a grain at a time. */
export class Stretch {
  /** Where the next grain is due in the sound, samples. */
  at = 0;
  /** Where the last grain would go on. @type {number | undefined} */
  #next;
  /** What the last grain leaves behind. */
  #tail = new Float32Array(HALF);

  /** Goes on from another place. @param {number} at samples */
  seek(at) {
    this.at = at;
    this.#next = undefined;
    this.#tail.fill(0);
  }

  /**
   * The next half grain, and the step to the one after it. At speed 1 the sound itself.
   * @param {(from: number, count: number) => Float32Array} read samples of the sound, zeros where there are none
   * @param {number} speed
   * @returns {Float32Array}
   */
  pull(read, speed) {
    const due = Math.round(this.at);
    const from = this.#next === undefined || this.#next === due ? due : this.#like(read, due, this.#next);
    const grain = read(from, 2 * HALF);
    const out = new Float32Array(HALF);
    for (let i = 0; i < HALF; i++) {
      // A first grain has nothing before it to fade out of.
      const fade = this.#next === undefined ? 1 : (rise[i] ?? 0);
      out[i] = (this.#tail[i] ?? 0) + (grain[i] ?? 0) * fade;
      this.#tail[i] = (grain[HALF + i] ?? 0) * (1 - (rise[i] ?? 0));
    }
    this.#next = from + HALF;
    this.at += HALF * speed;
    return out;
  }

  /**
   * Near `due`, the place that is most like `wanted`.
   * @param {(from: number, count: number) => Float32Array} read
   * @param {number} due
   * @param {number} wanted
   */
  #like(read, due, wanted) {
    const model = read(wanted, HALF);
    const around = read(due - REACH, HALF + 2 * REACH);
    let best = -Infinity;
    let place = REACH;
    for (let shift = 0; shift <= 2 * REACH; shift += GRID) {
      let product = 0;
      let power = 1e-9;
      for (let i = 0; i < HALF; i += GRID) {
        const sample = around[shift + i] ?? 0;
        product += sample * (model[i] ?? 0);
        power += sample * sample;
      }
      const likeness = product / Math.sqrt(power);
      if (likeness > best) {
        best = likeness;
        place = shift;
      }
    }
    return due - REACH + place;
  }
}
