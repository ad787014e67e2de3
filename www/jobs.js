// One job at a time in a part of the page, with everything around it: what went wrong is shown, a lost engine is made anew.

import { asZipperError } from "./errors.js";
import { clearTrouble, showTrouble } from "./trouble.js";

/** Runs jobs one after another's end; a second one meanwhile is not begun. */
export class Jobs {
  /** @type {AbortController | undefined} */
  #abort;
  /** @type {() => void} */
  #recover = () => {};
  /** @type {(busy: boolean) => void} */
  #onChange;

  /** @param {(busy: boolean) => void} onChange when a job begins or ends */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  get busy() {
    return this.#abort !== undefined;
  }

  /** @param {() => void} recover makes a new engine */
  set recover(recover) {
    this.#recover = recover;
  }

  /** Ends the job under way. */
  stop() {
    this.#abort?.abort();
  }

  /**
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} job
   * @returns {Promise<T | undefined>} undefined where it failed, was cancelled or was not begun
   */
  async run(job) {
    if (this.#abort) return undefined;
    clearTrouble();
    const abort = new AbortController();
    this.#abort = abort;
    this.#onChange(true);
    try {
      return await job(abort.signal);
    } catch (thrown) {
      const error = asZipperError(thrown);
      const lost = error.code === "device-lost" || error.code === "engine-stopped";
      if (error.code !== "cancelled") showTrouble(error, lost ? this.#recover : undefined);
      return undefined;
    } finally {
      this.#abort = undefined;
      this.#onChange(false);
    }
  }
}
