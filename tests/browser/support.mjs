// What the browser tests share: a server between page and `dist/` that can misbehave, and a page that notices every complaint.

import { createServer } from "node:http";
import { address, launch } from "../../xtask/headless/chromium.mjs";

export const MODEL = "smollm2-135m-instruct-q4_1";

/**
 * Passes requests on to the real server. `fault`, when set, may answer in its place.
 *
 * @typedef {{ status?: number, body?: Buffer, cutAfter?: number }} Answer
 */
export class Relay {
  /** @type {((path: string, body: Buffer) => Answer | undefined) | undefined} */
  fault;
  /** @type {{ path: string, range: string | undefined }[]} every request */
  requests = [];
  #server = createServer((request, response) => void this.#pass(request, response).catch(() => response.destroy()));

  async open() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.address = `http://localhost:${this.#server.address().port}/`;
    return this;
  }

  /** As if the network were gone. */
  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Requests for shards since the last call. */
  takeShards() {
    const shards = this.requests.filter(({ path }) => path.endsWith(".bin"));
    this.requests = [];
    return shards;
  }

  async #pass(request, response) {
    const { range } = request.headers;
    this.requests.push({ path: request.url, range });
    const upstream = await fetch(new URL(request.url, address()), { headers: range ? { range } : {} });
    const body = Buffer.from(await upstream.arrayBuffer());
    const answer = this.fault?.(request.url, body) ?? {};
    const headers = Object.fromEntries(upstream.headers);
    delete headers["transfer-encoding"];
    delete headers.connection;
    const sent = answer.body ?? body;
    response.writeHead(answer.status ?? upstream.status, { ...headers, "content-length": sent.length });
    if (answer.cutAfter === undefined) {
      response.end(sent);
      return;
    }
    response.write(sent.subarray(0, answer.cutAfter), () => response.destroy());
  }
}

/**
 * A browser and a page that collects complaints: uncaught errors, violations of the policy, errors on the console.
 * @param {string} url
 * @param {Parameters<typeof launch>[0]} [options]
 */
export async function visit(url, options) {
  const context = await launch(options);
  const complaints = [];
  const watch = (page) => {
    page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      // The browser itself reports failed requests; tests that make them fail look at the page instead.
      const expected = message.text().startsWith("Failed to load resource") || /net::ERR_/.test(message.text());
      if (message.type() === "error" && !expected) complaints.push(`console: ${message.text()}`);
    });
  };
  context.on("page", watch);
  const page = await context.newPage();
  await page.exposeFunction("complain", (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.complain(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return { context, page, complaints };
}

/** Waits until the page's own model is in. */
export async function loadByHand(page) {
  await page.click("#load");
  await page.waitForSelector("#run:not([disabled])", { timeout: 120_000 });
}

/** Waits for the trouble panel and reads it. */
export async function trouble(page) {
  await page.waitForSelector("#trouble:not([hidden])", { timeout: 120_000 });
  return await page.evaluate(() => ({
    code: document.querySelector("#trouble").dataset.code,
    message: document.querySelector("#trouble-message").textContent,
    remedy: document.querySelector("#trouble-remedy").textContent,
    focused: document.activeElement?.id === "trouble",
  }));
}

/**
 * From the next load of a page on, `loudest()` in it tells how loud what goes to the loudspeaker has been since the last call.
 * @param {import("playwright-core").BrowserContext} context
 */
export async function listenIn(context) {
  await context.addInitScript(() => {
    let peak = 0;
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (target, ...rest) {
      if (target instanceof AudioDestinationNode) {
        const ear = new AnalyserNode(this.context, { fftSize: 4096 });
        connect.call(this, ear);
        const samples = new Float32Array(ear.fftSize);
        setInterval(() => {
          if (this.context.state !== "running") return;
          ear.getFloatTimeDomainData(samples);
          peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), peak);
        }, 50);
      }
      return connect.call(this, target, ...rest);
    };
    window.loudest = () => {
      const most = peak;
      peak = 0;
      return most;
    };
  });
}
