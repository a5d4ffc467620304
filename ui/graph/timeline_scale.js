/** Which stretch of time is shown, and where its marks are. Pure. */

/** @typedef {{from: number, to: number}} Stretch  ms */

const LEAST_MS = 5;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3],
  ...[60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 21600e3, 43200e3, 86400e3],
];

/**
 * Change the length of the stretch so that one moment stays where it is.
 * @param {Stretch} stretch
 * @param {Stretch} whole
 * @param {number} factor  above 1 shows less time
 * @param {number} part  0 to 1: where in the stretch the moment lies
 * @returns {Stretch | null}  null: all of it
 */
export function zoomTime(stretch, whole, factor, part) {
  const length = Math.max(LEAST_MS, (stretch.to - stretch.from) / factor);
  if (length >= whole.to - whole.from) return null;
  return panTime({ from: stretch.from + (stretch.to - stretch.from - length) * part, to: 0 }, whole, 0, length);
}

/**
 * @param {Stretch} stretch
 * @param {Stretch} whole
 * @param {number} ms
 * @param {number} [length]
 * @returns {Stretch}
 */
export function panTime(stretch, whole, ms, length = stretch.to - stretch.from) {
  const from = Math.max(whole.from, Math.min(whole.to - length, stretch.from + ms));
  return { from, to: from + length };
}

/**
 * Moments for marks at round times after `origin`, not nearer than `gap` px.
 * @param {Stretch} stretch
 * @param {number} origin
 * @param {number} width  px of the stretch
 * @param {number} gap
 */
export function timeMarks(stretch, origin, width, gap = 90) {
  const msPerPx = (stretch.to - stretch.from) / Math.max(1, width);
  const least = gap * msPerPx;
  const day = STEPS[STEPS.length - 1];
  const step = STEPS.find((each) => each >= least) ?? Math.ceil(least / day) * day;
  /** @type {number[]} */
  const marks = [];
  for (let at = origin + Math.ceil((stretch.from - origin) / step) * step; at <= stretch.to; at += step) marks.push(at);
  return { step, marks };
}
