// What the linter watches over: the page's modules, the tests and the driving scripts.
import js from "@eslint/js";

const named = (...names) => Object.fromEntries(names.map((name) => [name, "readonly"]));
const anywhere = named(
  "AbortController", "AbortSignal", "Blob", "DOMException", "Response", "TextDecoder", "TextEncoder", "URL", "clearTimeout", "console",
  "crypto", "fetch", "performance", "setInterval", "clearInterval", "setTimeout", "structuredClone", "queueMicrotask",
);
const browser = named(
  "AudioContext", "AudioWorkletNode", "CustomEvent", "Event", "HTMLElement", "HTMLInputElement", "HTMLTextAreaElement", "OffscreenCanvas", "Worker",
  "caches", "document", "location", "matchMedia", "navigator", "requestAnimationFrame", "self", "window", "customElements", "MessageEvent",
  "HTMLButtonElement", "HTMLSelectElement", "HTMLProgressElement", "HTMLCanvasElement", "File", "AudioBuffer", "devicePixelRatio", "getComputedStyle",
  "CSSStyleSheet", "HTMLFormElement", "HTMLMeterElement", "atob", "btoa", "Option", "OfflineAudioContext", "MediaStream", "Blob", "URL", "HTMLOutputElement", "ResizeObserver", "localStorage",
);

export default [
  { ignores: ["dist/", "target/", "target-wasm/", "node_modules/", ".venv/"] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-throw-literal": "error",
      "no-shadow": "error",
      "require-await": "error",
    },
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: anywhere },
  },
  { files: ["www/**/*.js", "benches/browser/*.js"], languageOptions: { globals: { ...browser, ...named("Request") } } },
  {
    files: ["www/worklets/**/*.js"],
    languageOptions: { globals: named("AudioWorkletProcessor", "registerProcessor", "sampleRate", "currentTime", "currentFrame") },
  },
  {
    files: ["tests/**/*.{js,mjs}", "xtask/headless/**/*.mjs", "benches/browser/*.mjs"],
    // Functions given to `page.evaluate` run in the page.
    languageOptions: { globals: { ...browser, ...named("process", "Buffer", "GPUShaderModule", "AudioNode", "AudioDestinationNode", "AnalyserNode") } },
  },
];
