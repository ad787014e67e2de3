// `cargo xtask generate`: the page's own modules, driven from here. Takes one argument: { prompt, options, json }.

import { address, launch } from "./chromium.mjs";

const { prompt, options, json } = JSON.parse(process.argv[2]);
const context = await launch();
try {
  const page = await context.newPage();
  // A page without the demo's own engine, from the same place.
  await page.goto(new URL("www/headless.html", address()).href);
  await page.exposeFunction("wrote", (piece) => !json && process.stdout.write(piece));
  const result = await page.evaluate(
    async ([text, how]) => {
      const { createZipper } = await import("/www/zipper.js");
      try {
        const zipper = await createZipper();
        await zipper.load();
        return { ...(await zipper.generate(text, { ...how, onToken: (token) => window.wrote(token.text) })), adapter: zipper.adapter };
      } catch (error) {
        return { error: error.code ?? "unknown", message: error.message, remedy: error.remedy };
      }
    },
    [prompt, options],
  );
  if (result.error) {
    if (json) console.log(JSON.stringify(result));
    else console.error(`${result.error}: ${result.message}. ${result.remedy ?? ""}`);
    process.exitCode = 1;
  } else if (json) {
    const { text, token_ids, tokens_per_second, timings, prompt_tokens, stop, adapter } = result;
    console.log(JSON.stringify({ text, token_ids, tokens_per_second, timings, prompt_tokens, stop, adapter: adapter.name, software: adapter.software }));
  } else {
    process.stdout.write("\n");
  }
} finally {
  await context.close();
}
