// Converse: speak to the page, it writes down what it hears, the text tower answers, the answer is spoken. One model does all three.

import { Microphone } from "./audio.js";
import { element, show } from "./dom.js";
import { ZipperError } from "./errors.js";
import { Jobs } from "./jobs.js";
import { Player } from "./player.js";
import { say } from "./say.js";
import { loadVoices } from "./speak.js";
import { transcribe } from "./transcribe.js";

/** @import { Zipper } from "./zipper.js" */

/** Tokens of the longest answer: two or three sentences. */
const ANSWER_TOKENS = 60;

const button = element("converse", HTMLButtonElement);
const stopButton = element("converse-stop", HTMLButtonElement);
const state = element("converse-state", HTMLElement);
const turns = element("turns", HTMLElement);

/** @type {Zipper | undefined} */
let zipper;
/** Ends the recording. @type {(() => void) | undefined} */
let spoken;

const jobs = new Jobs((busy) => {
  show(stopButton, busy);
  enable();
});

/**
 * Gives the part its engine, or takes it away.
 * @param {Zipper | undefined} ready
 * @param {() => void} [onLost] makes a new engine
 */
export function setConversation(ready, onLost) {
  zipper = ready;
  if (onLost) jobs.recover = onLost;
  enable();
}

function enable() {
  button.disabled = !zipper || (jobs.busy && !spoken);
  button.textContent = spoken ? "I am done" : "Say something";
}

button.addEventListener("click", () => (spoken ? spoken() : void jobs.run(converse)));
stopButton.addEventListener("click", () => jobs.stop());

/**
 * A turn of the conversation, to be filled.
 * @param {string} who
 */
function turn(who) {
  const line = document.createElement("p");
  const name = document.createElement("strong");
  name.textContent = `${who}: `;
  const words = document.createElement("span");
  line.append(name, words);
  turns.append(line);
  show(turns, true);
  return words;
}

/** @param {AbortSignal} signal */
async function converse(signal) {
  if (!zipper) return;
  const engine = zipper;
  const player = new Player();
  const microphone = new Microphone();
  try {
    await player.open();
    await microphone.open(({ seconds, dead }) => {
      state.textContent = dead ? "The microphone delivers silence: is it muted?" : `Speak. ${Math.floor(seconds)} s`;
    });
    const done = new Promise((resolve) => (spoken = () => resolve(undefined)));
    enable();
    await Promise.race([done, new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))]);
    spoken = undefined;
    enable();
    const samples = await microphone.samples();
    await microphone.close();
    if (signal.aborted) return;
    await loadVoices(engine, signal, state);
    state.textContent = "Listening…";
    const question = turn("You");
    const heard = await transcribe(engine, samples, { signal, onText: (text) => (question.textContent = text) });
    question.textContent = heard.text;
    if (signal.aborted) return;
    if (heard.text === "") throw new ZipperError("audio-silent", "no words were heard");
    state.textContent = "Thinking…";
    const answer = turn("Zipper");
    const written = await engine.generate(heard.text, { chat: true, maxTokens: ANSWER_TOKENS, signal, onToken: ({ text }) => answer.append(text) });
    const text = whole(written.text, written.stop);
    answer.textContent = text;
    if (signal.aborted || text === "") return;
    state.textContent = "Speaking…";
    const end = new Promise((resolve) => {
      player.onEnd = () => resolve(undefined);
      signal.addEventListener("abort", resolve, { once: true });
    });
    await say(engine, text, { signal, onAudio: (samples_) => player.add(samples_) });
    player.finish();
    await end;
  } finally {
    spoken = undefined;
    state.textContent = "";
    await microphone.close();
    await player.close();
  }
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
