// Samples as a WAV file: 16 bit, mono.

/** Samples a second that the voice makes. */
export const SPEECH_RATE = 24_000;

/**
 * @param {Float32Array} samples -1 to 1
 * @returns {Blob}
 */
export function wav(samples) {
  const file = new DataView(new ArrayBuffer(44 + samples.length * 2));
  /** @param {number} at @param {string} letters */
  const tag = (at, letters) => [...letters].forEach((letter, i) => file.setUint8(at + i, letter.charCodeAt(0)));
  tag(0, "RIFF");
  file.setUint32(4, 36 + samples.length * 2, true);
  tag(8, "WAVEfmt ");
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, SPEECH_RATE, true);
  file.setUint32(28, SPEECH_RATE * 2, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  tag(36, "data");
  file.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, i) => file.setInt16(44 + i * 2, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true));
  return new Blob([file], { type: "audio/wav" });
}

/** All pieces, one behind the other. @param {Float32Array[]} pieces */
export function joined(pieces) {
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
