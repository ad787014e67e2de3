// Plays samples as they arrive, and tells where it is. Takes { samples } to add, { paused }, { seek } in seconds, { ended } once nothing more comes.

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    /** @type {Float32Array[]} */
    this.pieces = [];
    this.starts = [];
    this.length = 0;
    this.at = 0;
    this.piece = 0;
    this.paused = false;
    this.ended = false;
    this.told = 0;
    this.port.onmessage = ({ data }) => this.receive(data);
  }

  receive({ samples, paused, seek, ended }) {
    if (samples) {
      this.starts.push(this.length);
      this.pieces.push(samples);
      this.length += samples.length;
    }
    if (paused !== undefined) this.paused = paused;
    if (ended !== undefined) this.ended = ended;
    if (seek !== undefined) {
      this.at = Math.max(0, Math.min(Math.round(seek * sampleRate), this.length));
      this.piece = this.starts.findLastIndex((start) => start <= this.at);
      this.tell("moved");
    }
  }

  process(_inputs, [output]) {
    const out = output[0];
    if (!this.paused) {
      let filled = 0;
      while (filled < out.length && this.at < this.length) {
        const start = this.starts[this.piece];
        const samples = this.pieces[this.piece];
        if (samples === undefined || this.at < start || this.at >= start + samples.length) {
          this.piece = this.starts.findLastIndex((begin) => begin <= this.at);
          continue;
        }
        const part = samples.subarray(this.at - start, this.at - start + out.length - filled);
        out.set(part, filled);
        filled += part.length;
        this.at += part.length;
      }
      if (this.at === this.length && this.ended) {
        this.tell("ended");
        this.ended = false;
      }
    }
    for (let channel = 1; channel < output.length; channel++) output[channel].set(out);
    if (currentTime - this.told > 0.05) this.tell("at");
    return true;
  }

  tell(kind) {
    this.told = currentTime;
    this.port.postMessage({ kind, seconds: this.at / sampleRate });
  }
}

registerProcessor("zipper-playback", Playback);
