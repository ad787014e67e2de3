// Write: the text tower alone continues a text or answers it.

import { element, show } from "./dom.js";
import { Jobs } from "./jobs.js";

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
const jobs = new Jobs(busy);

/**
 * Gives the part its engine, or takes it away.
 * @param {Zipper | undefined} ready
 * @param {TowerReport} [tower]
 * @param {() => void} [onLost] makes a new engine
 */
export function setWriter(ready, tower, onLost) {
  zipper = ready;
  if (onLost) jobs.recover = onLost;
  runButton.disabled = !ready;
  if (tower) element("max-tokens", HTMLInputElement).max = String(tower.context);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void jobs.run(write);
});
stopButton.addEventListener("click", () => jobs.stop());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") jobs.stop();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && document.activeElement === prompt) form.requestSubmit();
});

/** @param {string} id */
const number = (id) => element(id, HTMLInputElement).valueAsNumber;

/** @param {AbortSignal} signal */
async function write(signal) {
  if (!zipper) return;
  const text = prompt.value;
  const chat = element("mode", HTMLSelectElement).value === "chat";
  resultPrompt.textContent = chat ? "" : text;
  resultText.textContent = "";
  speed.textContent = "Reading…";
  let first = 0;
  let said = "";
  try {
    const written = await zipper.generate(text, {
      maxTokens: number("max-tokens"),
      temperature: number("temperature"),
      seed: number("seed"),
      chat,
      signal,
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
    said = `${count} token${count === 1 ? "" : "s"} · ${written.tokens_per_second.toFixed(1)} tokens/s${why}`;
  } finally {
    speed.textContent = said;
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
