// Converse: speak to the page, it writes down what it hears, the text tower answers, the answer is spoken. One model does all three.

import { Microphone } from "./audio.js";
import { takeTurn } from "./conversation.js";
import { element, show } from "./dom.js";
import { Jobs } from "./jobs.js";
import { Player } from "./player.js";
import { loadVoices } from "./speak.js";

/** @import { Zipper } from "./zipper.js" */

const STAGES = { listening: "Listening…", thinking: "Thinking…", speaking: "Speaking…" };

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
    const question = turn("You");
    /** @type {HTMLElement | undefined} */
    let answer;
    const end = new Promise((resolve) => {
      player.onEnd = () => resolve(undefined);
      signal.addEventListener("abort", resolve, { once: true });
    });
    const turned = await takeTurn(engine, samples, {
      voice: element("voice", HTMLSelectElement).value || undefined,
      signal,
      onStage: (stage) => (state.textContent = STAGES[stage]),
      onHeard: (text) => (question.textContent = text),
      onAnswer: (text) => ((answer ??= turn("Zipper")).textContent = text),
      onAudio: (sound) => player.add(sound),
    });
    if (!turned.spoken) return;
    player.finish();
    await end;
  } finally {
    spoken = undefined;
    state.textContent = "";
    await microphone.close();
    await player.close();
  }
}
