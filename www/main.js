// The page: opens the engine, loads the model when asked (or at once when it is kept), hands it to the parts of the page.

import { setConversation } from "./converse.js";
import { element, megabytes, show, span } from "./dom.js";
import { asZipperError } from "./errors.js";
import { setListener } from "./listen.js";
import { setSpeaker } from "./speak.js";
import { clearTrouble, showTrouble } from "./trouble.js";
import { setWriter } from "./write.js";
import { createZipper } from "./zipper.js";

/** @import { AdapterReport, Progress } from "./protocol.js" */
/** @import { Zipper } from "./zipper.js" */

const adapterLine = element("adapter", HTMLElement);
const fetching = element("fetching", HTMLElement);
const loadButton = element("load", HTMLButtonElement);
const stopButton = element("load-stop", HTMLButtonElement);
const bar = element("progress-bar", HTMLProgressElement);

/** @type {Zipper | undefined} */
let zipper;
/** @type {AbortController | undefined} */
let loading;

loadButton.addEventListener("click", () => void load());
stopButton.addEventListener("click", () => loading?.abort());

void start();

async function start() {
  keepPage();
  try {
    zipper = await createZipper(engineOptions());
  } catch (error) {
    adapterLine.textContent = "No graphics processor can be used.";
    adapterLine.dataset.kind = "none";
    showTrouble(error, () => void start());
    return;
  }
  showAdapter(zipper.adapter);
  if (await zipper.isKept().catch(() => false)) await load();
  else show(fetching, true);
}

/** `?kernels=plain` and the like force a choice, for tests and comparisons. */
function engineOptions() {
  const kernels = new URL(location.href).searchParams.get("kernels");
  return kernels === "plain" || kernels === "tiled" ? { kernels: /** @type {"plain" | "tiled"} */ (kernels) } : {};
}

/** @param {AdapterReport} adapter */
function showAdapter(adapter) {
  const name = adapter.name || [adapter.vendor, adapter.architecture].filter(Boolean).join(" ") || "an unnamed graphics processor";
  adapterLine.dataset.kind = adapter.software ? "software" : "hardware";
  adapterLine.textContent = adapter.software
    ? `Runs on ${name}: a software adapter, without a graphics processor. Expect it to be slow.`
    : `Runs on ${name}.`;
}

/** Loads the model; a second call while one runs does nothing. */
async function load() {
  if (!zipper || loading) return;
  clearTrouble();
  loading = new AbortController();
  show(fetching, true);
  show(element("progress", HTMLElement), true);
  show(stopButton, true);
  loadButton.disabled = true;
  // Asks the browser not to clear the model when the disk runs low; it may say no.
  void navigator.storage?.persist?.().catch(() => false);
  try {
    const tower = await zipper.load({ signal: loading.signal, onProgress: showProgress });
    show(fetching, false);
    setWriter(zipper, tower, recover);
    setListener(zipper, recover);
    setSpeaker(zipper, recover);
    setConversation(zipper, recover);
  } catch (thrown) {
    const error = asZipperError(thrown);
    if (error.code !== "cancelled") showTrouble(error, error.code === "device-lost" ? recover : () => void load());
  } finally {
    loading = undefined;
    show(stopButton, false);
    loadButton.disabled = false;
  }
}

/** After the device was lost or the worker ended: a new engine and the kept model. */
function recover() {
  zipper?.close();
  zipper = undefined;
  setWriter(undefined);
  setListener(undefined);
  setSpeaker(undefined);
  setConversation(undefined);
  void start();
}

let lastSaid = -1;

/** @param {Progress} progress */
function showProgress({ loaded, total, downloaded, bytesPerSecond, secondsLeft }) {
  bar.max = total;
  bar.value = loaded;
  const words = [`${megabytes(loaded)} of ${megabytes(total)}`];
  if (downloaded > 0 && loaded < total) {
    words.push(`${megabytes(bytesPerSecond)}/s`);
    if (secondsLeft !== null) words.push(`${span(secondsLeft)} left`);
  }
  element("progress-text", HTMLElement).textContent = words.join(" · ");
  // A screen reader hears every quarter, not every packet.
  const quarter = Math.floor((loaded / total) * 4);
  if (quarter !== lastSaid) element("progress-said", HTMLElement).textContent = `${quarter * 25} percent loaded`;
  lastSaid = quarter;
}

/** The page works without a network next time. Where that is not possible it works as before. */
function keepPage() {
  navigator.serviceWorker?.register(new URL("../offline.js", import.meta.url)).catch(() => {});
}
