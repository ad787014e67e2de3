// Plays samples as they arrive, at any speed, and tells where it is. Takes { samples } to add, { paused }, { speed }, { seek } in seconds, { ended }
// once nothing more comes.

import { HALF, Stretch } from "./stretch.js";

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    /** @type {Float32Array[]} */
    this.pieces = [];
    this.starts = [];
    this.length = 0;
    this.stretch = new Stretch();
    this.speed = 1;
    /** What was made and not yet played. */
    this.ready = new Float32Array(0);
    this.paused = false;
    this.ended = false;
    /** The end was told. */
    this.over = false;
    this.told = 0;
    this.read = this.read.bind(this);
    this.port.onmessage = ({ data }) => this.receive(data);
  }

  receive({ samples, paused, speed, seek, ended }) {
    if (samples) {
      this.starts.push(this.length);
      this.pieces.push(samples);
      this.length += samples.length;
    }
    if (paused !== undefined) this.paused = paused;
    if (speed !== undefined) this.speed = speed;
    if (ended !== undefined) this.ended = ended;
    if (seek !== undefined) {
      this.stretch.seek(Math.max(0, Math.min(Math.round(seek * sampleRate), this.length)));
      this.ready = new Float32Array(0);
      // Whoever goes back wants to hear the end again.
      this.over = false;
      this.tell("moved");
    }
  }

  /** Samples of the sound, zeros where there are none. */
  read(from, count) {
    const out = new Float32Array(count);
    let at = Math.max(0, from);
    let piece = this.starts.findLastIndex((start) => start <= at);
    while (at < Math.min(from + count, this.length)) {
      const start = this.starts[piece];
      const part = this.pieces[piece].subarray(at - start, from + count - start);
      out.set(part, at - from);
      at += part.length;
      piece++;
    }
    return out;
  }

  process(_inputs, [output]) {
    const out = output[0];
    let filled = 0;
    while (!this.paused && filled < out.length) {
      if (this.ready.length === 0) {
        // A grain reaches ahead: while more may come, it waits until it is whole.
        const enough = this.ended ? this.stretch.at < this.length : this.stretch.at + 4 * HALF <= this.length;
        if (!enough) break;
        this.ready = this.stretch.pull(this.read, this.speed);
      }
      const part = this.ready.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
      this.ready = this.ready.subarray(part.length);
    }
    if (this.ended && !this.over && !this.paused && this.ready.length === 0 && this.stretch.at >= this.length) {
      this.tell("ended");
      this.over = true;
    }
    for (let channel = 1; channel < output.length; channel++) output[channel].set(out);
    if (currentTime - this.told > 0.05) this.tell("at");
    return true;
  }

  tell(kind) {
    this.told = currentTime;
    const made = this.stretch.at - this.ready.length * this.speed;
    this.port.postMessage({ kind, seconds: Math.max(0, Math.min(made, this.length)) / sampleRate });
  }
}

registerProcessor("zipper-playback", Playback);
