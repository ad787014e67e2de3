// What the zip does, as a picture: how much each step of one tower looks at each position of the other, over the time of the sound.

/** @import { Attention } from "./protocol.js" */

/**
 * @typedef {object} Look one segment of sound and what was attended to in it
 * @property {string[]} labels what stands in each row: sub-words that were heard, characters that are said
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {number} steps columns of time
 * @property {(row: number, step: number) => number} weight 0 to 1
 */

/**
 * Hearing: a row is a sub-word, its columns are the time.
 * @param {Attention} attention
 * @param {number} start
 * @param {number} end
 * @returns {Look}
 */
export function heardLook({ rows, columns, weights }, start, end) {
  return { labels: rows, start, end, steps: columns, weight: (row, step) => (weights[row * columns + step] ?? 0) / 255 };
}

/**
 * Speaking: the other way round, each moment looks at the characters.
 * @param {Attention} attention
 * @param {string} spoken
 * @param {number} start
 * @param {number} end
 * @returns {Look}
 */
export function spokenLook({ rows, columns, weights }, spoken, start, end) {
  const labels = [...spoken.slice(0, columns - 1)];
  return { labels, start, end, steps: rows.length, weight: (row, step) => (weights[step * columns + row] ?? 0) / 255 };
}

/** Most pixels that a row of text is tall. */
const ROW = 16;
const MOST = 640;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Look[]} looks
 * @param {number} seconds of the whole sound
 */
export function drawLooks(canvas, looks, seconds) {
  const rows = looks.reduce((sum, { labels }) => sum + labels.length, 0);
  const context = canvas.getContext("2d");
  if (!context || rows === 0 || seconds <= 0) return;
  const tall = Math.max(1, Math.min(ROW, Math.floor(MOST / rows)));
  // Setting the height clears the canvas, too.
  canvas.height = rows * tall;
  const style = getComputedStyle(canvas);
  const [ink, accent] = [style.color, style.getPropertyValue("--accent") || style.color];
  let top = 0;
  for (const { labels, start, end, steps, weight } of looks) {
    const left = (start / seconds) * canvas.width;
    const wide = (((end - start) / seconds) * canvas.width) / steps;
    for (let row = 0; row < labels.length; row++) {
      context.fillStyle = accent;
      let best = 0;
      for (let step = 0; step < steps; step++) {
        const share = weight(row, step);
        if (share > weight(row, best)) best = step;
        if (share < 0.02) continue;
        context.globalAlpha = share;
        context.fillRect(left + step * wide, top, Math.max(1, wide), tall);
      }
      if (tall >= 8) label(context, labels[row] ?? "", left + best * wide, top, tall, ink, canvas.width);
      top += tall;
    }
  }
  context.globalAlpha = 1;
  canvas.setAttribute("aria-label", `Which of ${rows} parts of the text looks at which moment of ${seconds.toFixed(1)} seconds of sound`);
}

/**
 * Beside the brightest place, on the side where there is room.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} top
 * @param {number} tall
 * @param {string} ink
 * @param {number} width
 */
function label(context, text, x, top, tall, ink, width) {
  context.globalAlpha = 0.9;
  context.fillStyle = ink;
  context.font = `${tall - 2}px sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = x > width * 0.8 ? "right" : "left";
  context.fillText(text.trim(), x > width * 0.8 ? x - 8 : x + 24, top + tall / 2);
}
