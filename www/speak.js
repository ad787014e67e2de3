// Speak: a text becomes sound, heard while the rest is still being made.

import { element, keepFocus, megabytes, show, span, tell } from "./dom.js";
import { Jobs } from "./jobs.js";
import { Player } from "./player.js";
import { say } from "./say.js";
import { wav } from "./wav.js";
import { drawLooks } from "./zipped.js";

/** @import { Piece, Progress, VoiceInfo } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

/** Seconds of sound that are made ahead of what is heard. */
const AHEAD = 30;
/** Seconds that an arrow key moves in the sound. */
const STRIDE = 1;

const form = element("speak-form", HTMLFormElement);
const area = element("speak-text", HTMLTextAreaElement);
const voices = element("voice", HTMLSelectElement);
const speakButton = element("speak-run", HTMLButtonElement);
const pauseButton = element("speak-pause", HTMLButtonElement);
const stopButton = element("speak-stop", HTMLButtonElement);
const saveButton = element("speak-save", HTMLButtonElement);
const againButton = element("speak-again", HTMLButtonElement);
const speed = element("speak-speed", HTMLSelectElement);
const seek = element("speak-seek", HTMLInputElement);
const state = element("speak-state", HTMLElement);
const reading = element("speak-reading", HTMLElement);

/** @type {Zipper | undefined} */
let zipper;
/** @type {Player | undefined} */
let player;
/** What was said last, 24 kHz. @type {Float32Array | undefined} */
let sound;
/** Where each piece begins in the sound. @type {{ at: number, piece: Piece }[]} */
let places = [];
let text = "";

const jobs = new Jobs(enable);

/**
 * Gives the part its engine, or takes it away.
 * @param {Zipper | undefined} ready
 * @param {() => void} [onLost] makes a new engine
 */
export function setSpeaker(ready, onLost) {
  zipper = ready;
  if (onLost) jobs.recover = onLost;
  enable();
}

function enable() {
  keepFocus([speakButton, stopButton, pauseButton, againButton], () => {
    speakButton.disabled = !zipper || jobs.busy;
    show(stopButton, jobs.busy);
    show(pauseButton, jobs.busy);
    show(againButton, !jobs.busy && Boolean(sound));
  });
  // A bar that moves nothing.
  if (!jobs.busy && !sound) show(seek, false);
}

/** How the page is to speak. */
export function chosen() {
  return { voice: voices.value || undefined, speed: Number(speed.value) };
}

/**
 * Everything that speaking needs; says how far it is.
 * @param {Zipper} engine
 * @param {AbortSignal} signal
 * @param {HTMLElement} where
 */
export async function loadVoices(engine, signal, where) {
  const list = await engine.loadSpeaking({
    signal,
    onProgress: (/** @type {Progress} */ { loaded, total, secondsLeft }) => {
      const left = secondsLeft === null || loaded >= total ? "" : ` · ${span(secondsLeft)} left`;
      tell(where, "Loading what speaking needs", `: ${megabytes(loaded)} of ${megabytes(total)}${left}`);
    },
  });
  offer(list);
  return list;
}

/** @param {VoiceInfo[]} list */
function offer(list) {
  if (!voices.disabled) return;
  voices.replaceChildren(...list.map(({ name, label, gender, accent }) => new Option(`${label} (${accent}, ${gender})`, name)));
  voices.disabled = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void jobs.run(speak);
});
stopButton.addEventListener("click", stop);
pauseButton.addEventListener("click", () => {
  if (!player) return;
  player.pause(!player.paused);
  pauseButton.textContent = player.paused ? "Go on" : "Pause";
});
seek.addEventListener("input", () => {
  namePlace();
  if (player) player.seek(seek.valueAsNumber);
  else void again();
});
seek.addEventListener("focus", namePlace);
seek.addEventListener("keydown", (event) => {
  // The bar's own step is too fine for a key.
  const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
  if (!way) return;
  event.preventDefault();
  seek.value = String(seek.valueAsNumber + way * STRIDE);
  seek.dispatchEvent(new Event("input"));
});
againButton.addEventListener("click", () => {
  seek.value = "0";
  void again();
});
speed.addEventListener("change", () => {
  if (player) player.speed = chosen().speed;
});
saveButton.addEventListener("click", () => {
  if (!sound) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(wav(sound));
  link.download = "zipper.wav";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stop();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && document.activeElement === area) form.requestSubmit();
});

function stop() {
  jobs.stop();
}

/**
 * The bar's place in words. Only when somebody moves it or comes to it: as the sound goes on, a screen reader would talk over it.
 */
function namePlace() {
  seek.setAttribute("aria-valuetext", `${span(seek.valueAsNumber)} of ${span(Number(seek.max))}`);
}

/** @param {AbortSignal} signal */
async function speak(signal) {
  if (!zipper) return;
  text = area.value;
  places = [];
  sound = undefined;
  show(saveButton, false);
  show(seek, false);
  /** @type {import("./zipped.js").Look[]} */
  const looks = [];
  const picture = element("speak-zipped-part", HTMLElement);
  show(picture, false);
  const engine = zipper;
  await withPlayer(signal, async (playing, end) => {
    await loadVoices(engine, signal, state);
    tell(state, engine.adapter.software ? "Reading (without a graphics processor, slowly)…" : "Reading…");
    const spoken = await say(engine, text, {
      ...(chosen().voice ? { voice: voices.value } : {}),
      seed: element("speak-seed", HTMLInputElement).valueAsNumber || 1,
      signal,
      onAudio: (samples) => {
        playing.add(samples);
        seek.max = String(playing.length);
        // Of a text before this one.
        if (seek.hidden) seek.value = "0";
        show(seek, true);
      },
      onPiece: (piece, number, count, at) => {
        places.push({ at, piece });
        tell(state, "Speaking", `: sentence ${number + 1} of ${count}`);
      },
      onLook: (look) => {
        looks.push(look);
        show(picture, true);
        drawLooks(element("speak-zipped", HTMLCanvasElement), looks, look.end);
      },
      ready: () => roomIn(playing, signal),
    });
    playing.finish();
    if (spoken.samples.length > 0) sound = spoken.samples;
    show(saveButton, Boolean(sound));
    const first = (spoken.first_sound_ms / 1000).toFixed(1);
    tell(state, `${spoken.seconds.toFixed(1)} s of sound, the first after ${first} s${spoken.cancelled ? ", stopped" : ""}`);
    await end;
  });
}

/** What was said last once more, from where the bar stands. */
async function again() {
  const said = sound;
  if (!said) return;
  await jobs.run((signal) =>
    withPlayer(signal, async (playing, end) => {
      playing.add(said);
      // Read only now: the bar may have been dragged on while the loudspeaker was opened.
      playing.seek(seek.valueAsNumber);
      playing.finish();
      await end;
    }),
  );
}

/**
 * A job with a loudspeaker; the sentence that is heard is marked.
 * @param {AbortSignal} signal
 * @param {(player: Player, end: Promise<unknown>) => Promise<void>} job `end` comes when all was heard, or at a stop
 */
async function withPlayer(signal, job) {
  pauseButton.textContent = "Pause";
  const own = new Player();
  player = own;
  const end = new Promise((resolve) => {
    own.onEnd = () => resolve(undefined);
    signal.addEventListener("abort", resolve, { once: true });
  });
  own.onTime = follow;
  try {
    // Before anything is awaited: the click that allows sound must not grow old.
    await own.open();
    own.speed = chosen().speed;
    await job(own, end);
  } finally {
    await own.close();
    reading.replaceChildren();
    delete reading.dataset["at"];
    show(reading, false);
    if (player === own) player = undefined;
  }
}

/**
 * Waits while enough sound lies ahead.
 * @param {Player} playing
 * @param {AbortSignal} signal
 */
async function roomIn(playing, signal) {
  while (!signal.aborted && playing.length - playing.position > AHEAD) await new Promise((resolve) => setTimeout(resolve, 200));
}

/** The sentence that is heard right now, marked. @param {number} seconds */
function follow(seconds) {
  if (document.activeElement !== seek || !seek.matches(":active")) seek.value = String(seconds);
  const place = places.findLast(({ at }) => at <= seconds);
  if (!place || reading.dataset["at"] === String(place.piece.start)) return;
  reading.dataset["at"] = String(place.piece.start);
  const mark = document.createElement("mark");
  mark.textContent = text.slice(place.piece.start, place.piece.end);
  reading.replaceChildren(text.slice(0, place.piece.start), mark, text.slice(place.piece.end));
  show(reading, true);
}
