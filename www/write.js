// Write: the text tower alone continues a text or answers it.

import { element, show } from "./dom.js";
import { asZipperError } from "./errors.js";
import { clearTrouble, showTrouble } from "./trouble.js";

/** @import { TowerReport } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

const form = element("write-form", HTMLFormElement);
const prompt = element("prompt", HTMLTextAreaElement);
const runButton = element("run", HTMLButtonElement);
const stopButton = element("stop", HTMLButtonElement);
const speed = element("speed", HTMLOutputElement);
const result = element("result", HTMLElement);
const resultPrompt = element("result-prompt", HTMLElement);
const resultText = element("result-text", HTMLElement);

/** @type {Zipper | undefined} */
let zipper;
/** @type {() => void} */
let recover = () => {};
/** @type {AbortController | undefined} */
let writing;

/**
 * Gives the part its engine, or takes it away.
 * @param {Zipper | undefined} ready
 * @param {TowerReport} [tower]
 * @param {() => void} [onLost] makes a new engine
 */
export function setWriter(ready, tower, onLost) {
  zipper = ready;
  if (onLost) recover = onLost;
  runButton.disabled = !ready;
  if (tower) element("max-tokens", HTMLInputElement).max = String(tower.context);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void write();
});
stopButton.addEventListener("click", () => writing?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") writing?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && document.activeElement === prompt) form.requestSubmit();
});

/** @param {string} id */
const number = (id) => element(id, HTMLInputElement).valueAsNumber;

async function write() {
  if (!zipper || writing) return;
  clearTrouble();
  const text = prompt.value;
  const chat = element("mode", HTMLSelectElement).value === "chat";
  writing = new AbortController();
  busy(true);
  resultPrompt.textContent = chat ? "" : text;
  resultText.textContent = "";
  speed.textContent = "Reading…";
  let first = 0;
  try {
    const written = await zipper.generate(text, {
      maxTokens: number("max-tokens"),
      temperature: number("temperature"),
      seed: number("seed"),
      chat,
      signal: writing.signal,
      onToken: ({ text: piece, index }) => {
        show(result, true);
        resultText.append(piece);
        if (index === 0) first = performance.now();
        else speed.textContent = `${((index * 1000) / (performance.now() - first)).toFixed(1)} tokens/s`;
      },
    });
    show(result, true);
    resultText.textContent = written.text;
    const count = written.token_ids.length;
    const why = { end: "", length: ", cut at the limit", cancelled: ", stopped" }[written.stop];
    speed.textContent = `${count} token${count === 1 ? "" : "s"} · ${written.tokens_per_second.toFixed(1)} tokens/s${why}`;
  } catch (thrown) {
    const error = asZipperError(thrown);
    speed.textContent = "";
    const lost = error.code === "device-lost" || error.code === "engine-stopped";
    showTrouble(error, lost ? recover : undefined);
  } finally {
    writing = undefined;
    busy(false);
  }
}

/** @param {boolean} on */
function busy(on) {
  result.setAttribute("aria-busy", String(on));
  show(stopButton, on);
  runButton.disabled = on || !zipper;
  // Whoever used the keyboard stays where the next step is.
  if (on) stopButton.focus();
  else if (document.activeElement === document.body) runButton.focus();
}
