/** How two texts differ, line by line. */
import { html } from "../core/view.js";

/** @typedef {{mark: " " | "-" | "+", text: string, before: number | null, after: number | null}} DiffLine  numbers from 1 */

/** Lines around a change that are shown. */
const AROUND = 3;
/** Changed lines beyond which the middle is shown as replaced whole: the search grows with their square. */
const MOST_CHANGES = 2_000;

/**
 * The shortest way from one text to another, by Myers' search. Pure.
 * @param {string} before @param {string} after
 * @returns {DiffLine[]}
 */
export function diffLines(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const steps = [
    ..." ".repeat(start),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ..." ".repeat(end),
  ];
  let [x, y] = [0, 0];
  return steps.map((mark) => {
    if (mark === "-") return { mark, text: a[x], before: ++x, after: null };
    if (mark === "+") return { mark, text: b[y], before: null, after: ++y };
    return { mark: /** @type {" "} */ (" "), text: a[x], before: ++x, after: ++y };
  });
}

/** @param {string[]} a @param {string[]} b @returns {Array<" " | "-" | "+">} */
function middle(a, b) {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0 || n + m > 2 * MOST_CHANGES) return [...a.map(() => /** @type {"-"} */ ("-")), ...b.map(() => /** @type {"+"} */ ("+"))];
  /** @type {Array<Map<number, number>>} */
  const trace = [];
  let furthest = new Map([[1, 0]]);
  for (let d = 0; ; d++) {
    trace.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      let x = isDown(furthest, k, d) ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      while (x < n && x - k < m && a[x] === b[x - k]) x++;
      furthest.set(k, x);
      if (x >= n && x - k >= m) return walkBack(trace, n, m);
    }
  }
}

/** @param {Array<Map<number, number>>} trace @param {number} x @param {number} y */
function walkBack(trace, x, y) {
  /** @type {Array<" " | "-" | "+">} */
  const steps = [];
  for (let d = trace.length - 1; d >= 0; d--) {
    const k = x - y;
    const previous = isDown(trace[d], k, d) ? k + 1 : k - 1;
    const fromX = at(trace[d], previous);
    const fromY = fromX - previous;
    while (x > Math.max(0, fromX) && y > Math.max(0, fromY)) {
      steps.push(" ");
      x--;
      y--;
    }
    if (d > 0) steps.push(x === fromX ? "+" : "-");
    [x, y] = [fromX, fromY];
  }
  return steps.reverse();
}

/** @param {Map<number, number>} furthest @param {number} k @param {number} d */
function isDown(furthest, k, d) {
  return k === -d || (k !== d && at(furthest, k - 1) < at(furthest, k + 1));
}

/** @param {Map<number, number>} furthest @param {number} k */
function at(furthest, k) {
  return furthest.get(k) ?? -1;
}

/** The changed lines of two texts, with a few around them. @param {string} before @param {string} after */
export function textDiff(before, after) {
  const lines = diffLines(before, after);
  const near = new Set(lines.flatMap(({ mark }, index) => (mark === " " ? [] : Array.from({ length: 2 * AROUND + 1 }, (_, step) => index - AROUND + step))));
  if (near.size === 0) return html`<p class="muted">No difference.</p>`;
  const shown = lines.map((line, index) => ({ ...line, index })).filter(({ index }) => near.has(index));
  return html`<div class="diff card" role="group" aria-label="Changed lines">${shown.map(
    ({ mark, text, before: old, after: now, index }, position) => html`${position > 0 && shown[position - 1].index !== index - 1 ? html`<div class="diff-gap"
        aria-hidden="true">…</div>` : null}
      <div class=${mark === "+" ? "diff-line added" : mark === "-" ? "diff-line removed" : "diff-line"}><span class="number muted">${old ?? ""}</span><span
          class="number muted">${now ?? ""}</span><span>${mark === "+" ? "+" : mark === "-" ? "−" : ""}<span
          class="visually-hidden">${mark === "+" ? "added" : mark === "-" ? "removed" : ""}</span></span><code>${text}</code></div>`,
  )}</div>`;
}
