// The panel that says what went wrong and what to do.

import { element, show } from "./dom.js";
import { asZipperError } from "./errors.js";

const panel = element("trouble", HTMLElement);
const again = element("trouble-again", HTMLButtonElement);
/** @type {(() => void) | undefined} */
let retry;

again.addEventListener("click", () => {
  const action = retry;
  clearTrouble();
  action?.();
});

/**
 * Shows an error; `onRetry` puts a button there.
 * @param {unknown} thrown
 * @param {() => void} [onRetry]
 */
export function showTrouble(thrown, onRetry) {
  const error = asZipperError(thrown);
  panel.dataset.code = error.code;
  element("trouble-message", HTMLElement).textContent = error.sentence;
  element("trouble-remedy", HTMLElement).textContent = error.remedy;
  retry = onRetry;
  show(again, Boolean(onRetry));
  show(panel, true);
  panel.focus();
}

/** Takes the panel away. */
export function clearTrouble() {
  retry = undefined;
  delete panel.dataset.code;
  show(panel, false);
}
