// Speaking in the browser: our `say` and kokoro-js, on the same sentences.

/** @typedef {{ name: string, text: string }} Sentence */

/**
 * Our engine.
 * @param {{ sentences: Sentence[] }} options
 */
export async function ours({ sentences }) {
  const [{ createZipper }, { say }] = await Promise.all([import("/www/zipper.js"), import("/www/say.js")]);
  const start = performance.now();
  const zipper = await createZipper();
  try {
    await zipper.loadSpeaking();
    const load_ms = performance.now() - start;
    const speak = async (text, onSound) => (await say(zipper, text, { onAudio: onSound })).seconds;
    return { adapter: zipper.adapter, load_ms, ...(await spoken(sentences, speak)) };
  } finally {
    zipper.close();
  }
}

/**
 * kokoro-js with Kokoro-82M. It hands out sound sentence by sentence.
 * @param {{ sentences: Sentence[], device: "webgpu" | "wasm", dtype: string }} options
 */
export async function kokoro({ sentences, device, dtype }) {
  stayHere("/bench/kokoro/");
  const { KokoroTTS, TextSplitterStream, env } = await import("/bench/kokoro/kokoro.js");
  env.wasmPaths = new URL("/bench/kokoro/", location.href).href;
  const start = performance.now();
  const engine = await KokoroTTS.from_pretrained("kokoro", { device, dtype });
  const load_ms = performance.now() - start;
  const speak = async (text, onSound) => {
    const splitter = new TextSplitterStream();
    splitter.push(text);
    splitter.close();
    let seconds = 0;
    for await (const { audio } of engine.stream(splitter, { voice: "af_heart" })) {
      onSound(audio.audio);
      seconds += audio.audio.length / audio.sampling_rate;
    }
    return seconds;
  };
  return { load_ms, device, dtype, ...(await spoken(sentences, speak)) };
}

/**
 * kokoro.web.js keeps its settings to itself and asks its hub for model and voices: what it asks for is taken from `folder` instead.
 * @param {string} folder
 */
function stayHere(folder) {
  const there = window.fetch;
  window.fetch = (resource, options) => {
    const url = new URL(resource instanceof Request ? resource.url : resource, location.href);
    const [, model, voice] = /\/resolve\/[^/]+\/(?:(?!voices\/)(.*)|(voices\/.*))$/.exec(url.pathname) ?? [];
    if (url.origin === location.origin || !(model || voice)) return there(resource, options);
    return there(folder + (voice ?? `models/kokoro/${model}`), options);
  };
}

/** Every sentence said once, after a first run that compiles pipelines. */
async function spoken(sentences, speak) {
  const began = performance.now();
  await speak(sentences[0].text, () => {});
  const first_ms = performance.now() - began;
  const runs = [];
  for (const { name, text } of sentences) {
    const from = performance.now();
    let first_sound_ms;
    let loudest = 0;
    const seconds = await speak(text, (samples) => {
      first_sound_ms ??= performance.now() - from;
      loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), loudest);
    });
    const total_ms = performance.now() - from;
    runs.push({ name, text, seconds, first_sound_ms, total_ms, rtf: total_ms / 1000 / seconds, loudest });
  }
  return { first_ms, sentences: runs };
}
