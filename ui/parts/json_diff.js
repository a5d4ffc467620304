/** How two values of JSON differ, place by place. */
import { inOneLine } from "../core/format.js";
import { isObject, own } from "../core/json.js";
import { html } from "../core/view.js";

/** @typedef {{path: string, before: unknown, after: unknown}} Difference  undefined where one has nothing there */

/** Differences shown; two values that differ in more are better looked at one by one. */
const SHOWN = 200;

/**
 * List the places at which two values differ, in the order of the first. Pure.
 * @param {unknown} a @param {unknown} b @param {string} [path]
 * @returns {Difference[]}
 */
export function diff(a, b, path = "") {
  if (isBoth(Array.isArray, a, b)) {
    const [left, right] = [/** @type {any[]} */ (a), /** @type {any[]} */ (b)];
    return Array.from({ length: Math.max(left.length, right.length) }, (_, at) => at).flatMap((at) => diff(left[at], right[at], `${path}[${at}]`));
  }
  if (isBoth(isObject, a, b)) {
    const [left, right] = [/** @type {any} */ (a), /** @type {any} */ (b)];
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return keys.flatMap((key) => diff(own(left, key), own(right, key), path ? `${path}.${key}` : key));
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ path: path || "the whole value", before: a, after: b }];
}

/** @param {unknown} a @param {unknown} b */
export function differences(a, b) {
  const found = diff(a, b);
  if (found.length === 0) return html`<p class="muted">No difference.</p>`;
  return html`<table class="plain"><thead><tr><th scope="col">Place</th><th scope="col">First</th><th scope="col">Second</th></tr></thead>
    <tbody>${found.slice(0, SHOWN).map(({ path, before, after }) => html`<tr><th scope="row" class="mono"><bdi>${path}</bdi></th><td
        class="mono">${shown(before)}</td><td class="mono">${shown(after)}</td></tr>`)}</tbody>
    ${found.length > SHOWN ? html`<caption>${found.length - SHOWN} more are not shown</caption>` : null}</table>`;
}

/** @param {unknown} value */
function shown(value) {
  return value === undefined ? html`<span class="muted">missing</span>` : html`<bdi>${inOneLine(value, 300)}</bdi>`;
}

/** @param {(value: unknown) => boolean} test @param {unknown} a @param {unknown} b */
function isBoth(test, a, b) {
  return test(a) && test(b);
}
