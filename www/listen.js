// Listen: a file or the microphone becomes text.

import { Microphone, RATE, decodeFile } from "./audio.js";
import { element, keepFocus, megabytes, show, span, tell } from "./dom.js";
import { ZipperError } from "./errors.js";
import { Jobs } from "./jobs.js";
import { Live } from "./live.js";
import { FORMATS } from "./subtitles.js";
import { transcribe } from "./transcribe.js";
import { drawLooks } from "./zipped.js";

/** @import { Progress, Transcript } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

/** Partial results while somebody speaks: at most one in so many seconds. */
const PARTIAL_SECONDS = 1.5;

const area = element("listen", HTMLElement);
const microphoneButton = element("microphone", HTMLButtonElement);
const chooseButton = element("choose", HTMLButtonElement);
const stopButton = element("listen-stop", HTMLButtonElement);
const fileInput = element("file", HTMLInputElement);
const state = element("listen-state", HTMLElement);
const level = element("level", HTMLMeterElement);
const wave = element("wave", HTMLCanvasElement);
const zipped = element("zipped", HTMLCanvasElement);
const heard = element("heard", HTMLElement);

/** @type {Zipper | undefined} */
let zipper;
const jobs = new Jobs((busy) => {
  heard.setAttribute("aria-busy", String(busy));
  if (!busy) show(level, false);
  enable();
});
/** @type {Transcript | undefined} */
let transcript;

/**
 * Gives the part its engine, or takes it away.
 * @param {Zipper | undefined} ready
 * @param {() => void} [onLost]
 */
export function setListener(ready, onLost) {
  zipper = ready;
  if (onLost) jobs.recover = onLost;
  enable();
}

function enable() {
  const idle = Boolean(zipper) && !jobs.busy;
  keepFocus([microphoneButton, chooseButton, stopButton], () => {
    microphoneButton.disabled = !idle;
    chooseButton.disabled = !idle;
    show(stopButton, jobs.busy);
  });
}

microphoneButton.addEventListener("click", () => void run(listenToMicrophone));
chooseButton.addEventListener("click", () => fileInput.click());
stopButton.addEventListener("click", () => jobs.stop());
fileInput.addEventListener("change", () => {
  const file = fileInput.files?.[0];
  // The same file may be chosen again.
  fileInput.value = "";
  if (file) void run((signal) => listenToFile(file, signal));
});
area.addEventListener("dragover", (event) => {
  event.preventDefault();
  area.classList.add("over");
});
area.addEventListener("dragleave", () => area.classList.remove("over"));
area.addEventListener("drop", (event) => {
  event.preventDefault();
  area.classList.remove("over");
  const file = event.dataTransfer?.files[0];
  if (file) void run((signal) => listenToFile(file, signal));
});

/**
 * One job of listening, with everything around it.
 * @param {(signal: AbortSignal) => Promise<Transcript>} job
 */
async function run(job) {
  if (!zipper || jobs.busy) return;
  transcript = undefined;
  show(element("heard-actions", HTMLElement), false);
  show(element("zipped-part", HTMLElement), false);
  heard.textContent = "";
  const done = await jobs.run(job);
  transcript = done;
  if (!done) {
    state.textContent = "";
    return;
  }
  showWords(done);
  const seconds = (done.timings.total_ms ?? 0) / 1000;
  state.textContent = `${span(done.seconds)} of sound in ${seconds < 100 ? `${seconds.toFixed(1)} s` : "a while"}`;
  show(element("heard-actions", HTMLElement), done.text !== "");
}

/** @param {AbortSignal} signal @returns {Promise<Zipper>} */
async function loaded(signal) {
  if (!zipper) throw new ZipperError("model-missing", "the engine is not open");
  await loadEars(zipper, signal, state);
  return zipper;
}

/**
 * Everything that hearing needs; says how far it is.
 * @param {Zipper} engine
 * @param {AbortSignal} signal
 * @param {HTMLElement} where
 */
export async function loadEars(engine, signal, where) {
  /** @param {Progress} progress */
  const onProgress = ({ loaded: here, total, secondsLeft }) => {
    const left = secondsLeft === null || here >= total ? "" : ` · ${span(secondsLeft)} left`;
    tell(where, "Loading what hearing needs", `: ${megabytes(here)} of ${megabytes(total)}${left}`);
  };
  await engine.loadHearing({ signal, onProgress });
}

/** @param {string} text */
function showText(text) {
  show(heard, true);
  heard.textContent = text;
}

/**
 * @param {File} file
 * @param {AbortSignal} signal
 */
async function listenToFile(file, signal) {
  state.textContent = `Reading ${file.name}…`;
  const samples = await decodeFile(file);
  draw(samples);
  const engine = await loaded(signal);
  state.textContent = "Listening…";
  return await transcribe(engine, samples, { signal, onText: showText, onLooks: looksOver(samples.length / RATE) });
}

/** Draws what is looked at as it comes. @param {number} seconds of the sound */
function looksOver(seconds) {
  /** @param {import("./zipped.js").Look[]} looks */
  return (looks) => {
    show(element("zipped-part", HTMLElement), true);
    drawLooks(zipped, looks, seconds);
  };
}

/**
 * Records until stopped. Meanwhile words appear: what lies behind a pause is heard once, what is still being said again and again.
 * @param {AbortSignal} signal
 */
async function listenToMicrophone(signal) {
  const microphone = new Microphone();
  show(level, true);
  try {
    await microphone.open(({ peak, dead, seconds }) => {
      level.value = Math.min(1, Math.sqrt(peak));
      if (dead) tell(state, "The microphone delivers silence: is it muted, or is another one meant?");
      else tell(state, "Speak; Stop ends it.", ` ${Math.floor(seconds)} s recorded.`);
    });
    /** @type {Promise<void>} */
    const stopped = new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    const live = new Live(await loaded(new AbortController().signal));
    const hear = async (/** @type {{ last?: boolean, signal?: AbortSignal }} */ how) => {
      const samples = await microphone.samples(live.wanted);
      drawSwings(microphone.swings);
      await live.hear(samples, { ...how, onText: showText, onLooks: looksOver(microphone.seconds) });
      microphone.forget(live.wanted);
    };
    while (!signal.aborted) {
      const pause = new Promise((resolve) => setTimeout(resolve, PARTIAL_SECONDS * 1000));
      await Promise.race([stopped, pause]);
      // The stop ends the partial hearing at once.
      if (!signal.aborted) await hear({ signal });
    }
    if (microphone.seconds > 0 && microphone.silent) throw new ZipperError("microphone-silent", "the microphone delivered silence only");
    tell(state, "Listening to the rest…");
    await hear({ last: true });
    if (live.empty) throw new ZipperError(microphone.seconds > 0 ? "audio-silent" : "audio-empty", "nobody spoke");
    return live.result(microphone.seconds);
  } finally {
    await microphone.close();
  }
}

/** Every word tells its time when pointed at. @param {Transcript} done */
function showWords({ words, word_times }) {
  show(heard, true);
  heard.textContent = words.length === 0 ? "(nothing was understood)" : "";
  for (const { word, start, end } of words) {
    const part = document.createElement("span");
    part.className = "word";
    part.textContent = word;
    part.title = `${start.toFixed(2)}–${end.toFixed(2)} s${word_times === "estimated" ? " (estimated)" : ""}`;
    heard.append(part, " ");
  }
}

/** The wave of a sound: the largest swing in every column. @param {Float32Array} samples */
function draw(samples) {
  const column = Math.max(1, Math.floor(samples.length / wave.width));
  const swing = (/** @type {number} */ x) => samples.subarray(x * column, (x + 1) * column).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  drawSwings(Array.from({ length: wave.width }, (_, x) => swing(x)));
}

/** @param {number[]} swings over the whole width */
function drawSwings(swings) {
  show(wave, true);
  const context = wave.getContext("2d");
  if (!context) return;
  const { width, height } = wave;
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(wave).getPropertyValue("--accent");
  const wide = width / Math.max(1, swings.length);
  swings.forEach((swing, i) => {
    const tall = Math.max(1, Math.min(1, swing) * height);
    context.fillRect(i * wide, (height - tall) / 2, Math.max(1, wide), tall);
  });
}

element("copy", HTMLButtonElement).addEventListener("click", async () => {
  if (transcript) await navigator.clipboard.writeText(transcript.text).catch(() => {});
});
for (const button of area.querySelectorAll("button[data-save]")) {
  button.addEventListener("click", () => save(/** @type {HTMLElement} */ (button).dataset.save ?? "txt"));
}

/** @param {string} ending */
function save(ending) {
  const format = FORMATS[ending];
  if (!transcript || !format) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([format.write(transcript)], { type: format.type }));
  link.download = `transcript.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
