/** A state in a word, with its icon and its colour. */
import { html } from "../core/view.js";
import { colourOf, wordOf } from "../core/statuses.js";
import { icon } from "./icons.js";

/** The icon of a state, in its colour. @param {() => string} state */
export function stateIcon(state) {
  return html`<span class=${() => `state-icon state-${colourOf(state())}`}>${() => icon(state())}</span>`;
}

/** A chip: icon and word on a tint of the state's colour. @param {() => string} state */
export function statusChip(state) {
  return html`<span class=${() => `chip state-${colourOf(state())}`}>${stateIcon(state)}<span>${() => wordOf(state())}</span></span>`;
}

/**
 * How far something is, as a bar of parts, with the same in words for those who do not see it.
 * @param {() => Array<{state: string, count: number}>} parts
 * @param {() => string} [label]  the words; without them, the counts of the parts
 */
export function progressBar(parts, label = () => countsInWords(parts())) {
  return html`<div class="bar" role="img" aria-label=${label} title=${label}>${() =>
    parts()
      .filter(({ count }) => count > 0)
      .map(({ state, count }) => html`<i class=${`fill state-${colourOf(state)}`} style=${{ "flex-grow": String(count) }}></i>`)}</div>`;
}

/** @param {Array<{state: string, count: number}>} parts */
function countsInWords(parts) {
  const found = parts.filter(({ count }) => count > 0).map(({ state, count }) => `${count} ${wordOf(state)}`);
  return found.join(", ") || "nothing yet";
}
