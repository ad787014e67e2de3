// Errors with a stable code, so that a page can react and a person can read what to do.

/** What to do about an error, by its code. */
const REMEDIES = /** @type {Record<string, string>} */ ({
  "no-webgpu":
    "Use a current Chrome, Edge, Safari or Firefox, switch on hardware acceleration in its settings, and update the graphics driver.",
  "adapter-limit": "This graphics processor is too small for the model. Try another machine or another browser.",
  "device-lost": "The graphics driver was reset. Load the model again; close other heavy tabs if it happens often.",
  "gpu-error": "Load the model again. If it happens again, update the browser and the graphics driver.",
  "shard-short": "The broken part was thrown away. Try again: only that part is downloaded.",
  "shard-tampered": "The broken part was thrown away. Try again: only that part is downloaded.",
  "shard-missing": "The site does not hold the whole model. Try again later, or tell whoever runs the site.",
  "model-missing": "Load the model first.",
  "model-format": "The site holds a model that this page cannot read. Reload the page to get its newest version.",
  "prompt-empty": "Write some text first.",
  "prompt-too-long": "Shorten the text.",
  "download-failed": "Check the connection and try again: what has arrived is kept.",
  "offline": "Connect to the network once to download the model; afterwards it works without.",
  "busy": "Wait for the work under way, or stop it.",
  "audio-empty": "Choose a recording with sound in it.",
  "audio-unreadable": "Choose a sound file: WAV, MP3, Opus, FLAC or M4A.",
  "audio-silent": "Speak closer to the microphone, or choose another recording.",
  "microphone-missing": "Plug a microphone in, or choose a file instead.",
  "microphone-refused": "Allow the microphone beside the address bar, or choose a file instead.",
  "microphone-silent": "The microphone delivers silence: check that it is not muted and that the right one is chosen in the system's settings.",
  "nothing-to-say": "Write words, or numbers.",
  "nothing-said": "Write it another way, or choose another seed.",
  "word-too-long": "Put spaces into it.",
  "audio-blocked": "Press the button again.",
  "cancelled": "Press the button again whenever you like.",
  "bad-option": "Correct what is named here.",
  "closed": "Reload the page.",
  "engine-stopped": "Reload the page.",
});

/** An error of Zipper's. */
export class ZipperError extends Error {
  /**
   * @param {string} code stable short name
   * @param {string} message what was found and what was expected
   */
  constructor(code, message) {
    super(message);
    this.name = "ZipperError";
    this.code = code;
  }

  /** The message as a sentence. */
  get sentence() {
    const capital = this.message.charAt(0).toUpperCase() + this.message.slice(1);
    return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
  }

  /** What a person can do about it. */
  get remedy() {
    return REMEDIES[this.code] ?? "Reload the page and try again.";
  }
}

/**
 * Anything thrown, as an error of ours; a code that it carries is kept.
 * @param {unknown} thrown
 * @param {string} [otherwise] code for what carries none
 * @returns {ZipperError}
 */
export function asZipperError(thrown, otherwise = "engine-stopped") {
  if (thrown instanceof ZipperError) return thrown;
  const like = /** @type {{ code?: unknown, message?: unknown }} */ (thrown ?? {});
  const code = typeof like.code === "string" ? like.code : otherwise;
  return new ZipperError(code, typeof like.message === "string" ? like.message : String(thrown));
}
