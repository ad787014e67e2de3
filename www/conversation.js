// One turn of a conversation: what was said is written down, the text tower answers, the answer is spoken. One zipped model does all three.

import { ZipperError } from "./errors.js";
import { say } from "./say.js";
import { transcribe } from "./transcribe.js";

/** @import { Transcript } from "./protocol.js" */
/** @import { Spoken } from "./say.js" */
/** @import { Zipper } from "./zipper.js" */

/** Tokens of the longest answer: two or three sentences. */
const ANSWER_TOKENS = 60;

/**
 * @typedef {object} Turn
 * @property {Transcript} heard
 * @property {string} answer
 * @property {Spoken | undefined} spoken nothing, where it was stopped before
 *
 * @typedef {object} TurnOptions
 * @property {string | undefined} [voice]
 * @property {number | undefined} [maxTokens] of the answer
 * @property {AbortSignal} [signal]
 * @property {(stage: "listening" | "thinking" | "speaking") => void} [onStage]
 * @property {(text: string) => void} [onHeard] the question, as it grows
 * @property {(text: string) => void} [onAnswer] the answer, as it grows
 * @property {(samples: Float32Array) => void} [onAudio] the answer's sound, 24 kHz
 */

/**
 * @param {Zipper} zipper with hearing and speaking loaded
 * @param {Blob | Float32Array<ArrayBuffer>} sound
 * @param {TurnOptions} [options]
 * @returns {Promise<Turn>}
 */
export async function takeTurn(zipper, sound, { voice, maxTokens = ANSWER_TOKENS, signal, onStage, onHeard, onAnswer, onAudio } = {}) {
  const stoppable = signal ? { signal } : {};
  onStage?.("listening");
  const heard = await transcribe(zipper, sound, { ...stoppable, ...(onHeard ? { onText: onHeard } : {}) });
  onHeard?.(heard.text);
  if (signal?.aborted) return { heard, answer: "", spoken: undefined };
  if (heard.text === "") throw new ZipperError("audio-silent", "no words were heard");
  onStage?.("thinking");
  let soFar = "";
  const onToken = (/** @type {{ text: string }} */ { text }) => onAnswer?.((soFar += text).trim());
  const written = await zipper.generate(heard.text, { chat: true, maxTokens, ...stoppable, onToken });
  const answer = whole(written.text, written.stop);
  onAnswer?.(answer);
  if (signal?.aborted || answer === "") return { heard, answer, spoken: undefined };
  onStage?.("speaking");
  const spoken = await say(zipper, answer, { ...stoppable, ...(voice ? { voice } : {}), ...(onAudio ? { onAudio } : {}) });
  return { heard, answer, spoken };
}

/**
 * An answer that was cut at its limit ends with its last whole sentence.
 * @param {string} text
 * @param {string} stop
 */
function whole(text, stop) {
  const trimmed = text.trim();
  if (stop !== "length") return trimmed;
  const end = Math.max(...[".", "!", "?"].map((mark) => trimmed.lastIndexOf(mark)));
  return end > 0 ? trimmed.slice(0, end + 1) : trimmed;
}
