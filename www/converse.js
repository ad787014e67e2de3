// Converse: speak to the page, it writes down what it hears, the text tower answers, the answer is spoken. One model does all three.

import { takeTurn } from "./conversation.js";
import { element, keepFocus, show, tell } from "./dom.js";
import { Jobs } from "./jobs.js";
import { loadEars } from "./listen.js";
import { Player } from "./player.js";
import { record } from "./record.js";
import { chosen, loadVoices } from "./speak.js";
import { turn } from "./turns.js";

/** @import { Zipper } from "./zipper.js" */

const STAGES = { listening: "Listening…", thinking: "Thinking…", speaking: "Speaking…" };

const button = element("converse", HTMLButtonElement);
const stopButton = element("converse-stop", HTMLButtonElement);
const state = element("converse-state", HTMLElement);
const turns = element("turns", HTMLElement);

/** @type {Zipper | undefined} */
let zipper;
/** Ends the recording. @type {(() => void) | undefined} */
let done;
/** The recording is over, the answer is under way. */
let answering = false;

const jobs = new Jobs((busy) => {
  // Read to whoever does not see it when it is whole, not word by word.
  turns.setAttribute("aria-busy", String(busy));
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
  keepFocus([button, stopButton], () => {
    show(stopButton, jobs.busy);
    // Not greyed out while the browser asks for the microphone: the keyboard would lose its place, and a click then does nothing anyway.
    button.disabled = !zipper || answering;
    button.textContent = done ? "I am done" : "Say something";
  });
}

button.addEventListener("click", () => (done ? done() : void jobs.run(converse)));
stopButton.addEventListener("click", () => jobs.stop());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") jobs.stop();
});

/** @param {AbortSignal} signal */
async function converse(signal) {
  if (!zipper) return;
  const engine = zipper;
  const player = new Player();
  try {
    // First of all: the click that allows sound must not grow old.
    await player.open();
    player.speed = chosen().speed;
    const samples = await question(signal);
    answering = true;
    enable();
    await loadEars(engine, signal, state);
    await loadVoices(engine, signal, state);
    const end = new Promise((resolve) => {
      player.onEnd = () => resolve(undefined);
      signal.addEventListener("abort", resolve, { once: true });
    });
    const { spoken } = await takeTurn(engine, samples, {
      voice: chosen().voice,
      signal,
      onStage: (stage) => tell(state, STAGES[stage]),
      onHeard: turn(turns, "You"),
      onAnswer: turn(turns, "Zipper"),
      onAudio: (sound) => player.add(sound),
    });
    if (!spoken) return;
    player.finish();
    await end;
  } finally {
    answering = false;
    tell(state, "");
    await player.close();
  }
}

/** What is said into the microphone. @param {AbortSignal} signal */
async function question(signal) {
  try {
    return await record(signal, {
      begin: (enough) => {
        done = enough;
        enable();
      },
      level: ({ seconds, dead }) => tell(state, dead ? "The microphone delivers silence: is it muted?" : "Speak.", ` ${Math.floor(seconds)} s`),
    });
  } finally {
    done = undefined;
    enable();
  }
}
