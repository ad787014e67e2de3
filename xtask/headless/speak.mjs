// `cargo xtask speak`: the page's own modules, all texts in one browser. Takes { jobs: [{ text, file }], options, json }.

import { writeFile } from "node:fs/promises";
import { address, launch } from "./chromium.mjs";

const { jobs, options, json } = JSON.parse(process.argv[2]);
const context = await launch();
try {
  const page = await context.newPage();
  await page.goto(new URL("www/headless.html", address()).href);
  const fault = await page.evaluate(async () => {
    const [{ createZipper }, { say }, { wav }] = await Promise.all([import("/www/zipper.js"), import("/www/say.js"), import("/www/wav.js")]);
    try {
      const zipper = await createZipper();
      await zipper.loadSpeaking();
      window.speak = async (text, given) => {
        try {
          const { samples, seconds, rtf, first_sound_ms, stops, timings } = await say(zipper, text, given);
          const bytes = new Uint8Array(await wav(samples).arrayBuffer());
          const letters = [];
          for (let at = 0; at < bytes.length; at += 0x8000) letters.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
          return { sound: btoa(letters.join("")), seconds, rtf, first_sound_ms, stops, timings };
        } catch (error) {
          return { error: error.code ?? "unknown", message: error.message };
        }
      };
      return undefined;
    } catch (error) {
      return { error: error.code ?? "unknown", message: error.message };
    }
  });
  for (const { text, file } of jobs) {
    const { sound, ...result } = fault ?? (await page.evaluate(([words, given]) => window.speak(words, given), [text, options]));
    if (sound) {
      try {
        await writeFile(file, Buffer.from(sound, "base64"));
      } catch (error) {
        Object.assign(result, { error: "file-unwritable", message: error.message });
      }
    }
    if (result.error) process.exitCode = 1;
    if (json) console.log(JSON.stringify({ text, file, ...result }));
    else if (result.error) console.error(`${text}: ${result.error}: ${result.message}`);
    else console.log(`${file}: ${result.seconds.toFixed(2)} s`);
  }
} finally {
  await context.close();
}
