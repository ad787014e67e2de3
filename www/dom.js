// Elements of the page by id, of the kind that is expected.

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/**
 * Shows or hides.
 * @param {HTMLElement} target
 * @param {boolean} visible
 */
export function show(target, visible) {
  target.hidden = !visible;
}

/** Bytes for people. @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** A time span for people. @param {number} seconds */
export function span(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.ceil(seconds % 60)} s`;
}

/**
 * A line of state. A screen reader hears `words` when they change, and never the figures that run beside them.
 * @param {HTMLElement} line
 * @param {string} words
 * @param {string} [figures]
 */
export function tell(line, words, figures = "") {
  let [said, running] = line.children;
  if (!said || !running) {
    said = document.createElement("span");
    running = document.createElement("span");
    running.setAttribute("aria-hidden", "true");
    line.replaceChildren(said, running);
  }
  // The same words set once more would be read once more.
  if (said.textContent !== words) said.textContent = words;
  running.textContent = figures;
}

/**
 * Greys out or hides buttons without losing the keyboard's place: where the one in use goes, the first that can be pressed takes over.
 * @param {HTMLButtonElement[]} buttons
 * @param {() => void} change
 */
export function keepFocus(buttons, change) {
  const used = buttons.find((button) => button === document.activeElement);
  change();
  const usable = (/** @type {HTMLButtonElement} */ button) => !button.disabled && !button.hidden;
  if (used && !usable(used)) buttons.find(usable)?.focus();
}
