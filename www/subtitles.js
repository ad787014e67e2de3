// A transcript as files.

/** @import { Transcript } from "./protocol.js" */

/**
 * `00:01:02,345` for SubRip, with a point for WebVTT.
 * @param {number} seconds
 * @param {string} mark before the milliseconds
 */
function clock(seconds, mark) {
  const ms = Math.round(seconds * 1000);
  /** @param {number} value @param {number} digits */
  const pad = (value, digits) => String(value).padStart(digits, "0");
  const whole = Math.floor(ms / 1000);
  return `${pad(Math.floor(whole / 3600), 2)}:${pad(Math.floor(whole / 60) % 60, 2)}:${pad(whole % 60, 2)}${mark}${pad(ms % 1000, 3)}`;
}

/** @type {Record<string, { type: string, write: (transcript: Transcript) => string }>} */
export const FORMATS = {
  txt: { type: "text/plain", write: ({ segments }) => segments.map(({ text }) => text).join("\n") + "\n" },
  srt: {
    type: "application/x-subrip",
    write: ({ segments }) =>
      segments.map(({ start, end, text }, i) => `${i + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${text}\n`).join("\n"),
  },
  vtt: {
    type: "text/vtt",
    write: ({ segments }) =>
      `WEBVTT\n\n${segments.map(({ start, end, text }) => `${clock(start, ".")} --> ${clock(end, ".")}\n${text}\n`).join("\n")}`,
  },
  json: { type: "application/json", write: (transcript) => `${JSON.stringify(transcript, null, 2)}\n` },
};
