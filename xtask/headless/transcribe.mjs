// `cargo xtask transcribe`: the page's own modules, all files in one browser. Takes { files, json }.

import { readFile } from "node:fs/promises";
import { address, launch } from "./chromium.mjs";

const { files, json } = JSON.parse(process.argv[2]);
const context = await launch();
try {
  const page = await context.newPage();
  await page.goto(new URL("www/headless.html", address()).href);
  const fault = await page.evaluate(async () => {
    const [{ createZipper }, { transcribe }] = await Promise.all([import("/www/zipper.js"), import("/www/transcribe.js")]);
    try {
      const zipper = await createZipper();
      await zipper.loadHearing();
      window.hear = (blob) => transcribe(zipper, blob);
      return undefined;
    } catch (error) {
      return { error: error.code ?? "unknown", message: error.message };
    }
  });
  for (const file of files) {
    const result = fault ?? (await heard(page, file));
    if (result.error) process.exitCode = 1;
    if (json) console.log(JSON.stringify({ file, ...result }));
    else if (result.error) console.error(`${file}: ${result.error}: ${result.message}`);
    else console.log(files.length > 1 ? `${file}: ${result.text}` : result.text);
  }
} finally {
  await context.close();
}

/** One file: what was heard, or what was wrong with it. */
async function heard(page, file) {
  let bytes;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return { error: "file-unreadable", message: error.message };
  }
  return await page.evaluate(async (base64) => {
    const whole = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    try {
      const { text, words, word_times, seconds, rtf, timings } = await window.hear(new Blob([whole]));
      return { text, words, word_times, seconds, rtf, timings };
    } catch (error) {
      return { error: error.code ?? "unknown", message: error.message };
    }
  }, bytes.toString("base64"));
}
