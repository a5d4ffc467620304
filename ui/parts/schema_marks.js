/** What all fields of a form have: what they are for, what is wrong with them, and whether they must be filled in. */
import { html } from "../core/view.js";

/** @typedef {import("../core/schema.js").Schema} Schema */
/**
 * One place in the value.
 * @typedef {object} Place
 * @property {() => any} get  followed
 * @property {(value: any) => void} set  undefined takes it away
 * @property {string} path
 * @property {string} id  of its control
 */
/**
 * What every field is given.
 * @typedef {object} Field
 * @property {Schema} schema  with references followed
 * @property {Schema} root
 * @property {Place} place
 * @property {string} label
 * @property {boolean} isRequired
 * @property {(path: string) => string} problemAt  followed; "" where nothing is wrong
 */

/** @param {unknown} text */
export function describe(text) {
  return typeof text === "string" && text ? html`<p class="hint text">${text}</p>` : null;
}

/** @param {Place} place @param {(path: string) => string} problemAt */
export function problemOf(place, problemAt) {
  return html`<span class="schema-problem" id=${`${place.id}-problem`}>${() => problemAt(place.path)}</span>`;
}

/** The mark of a required field. */
export function required_() {
  return html`<span class="muted" title="required"> *<span class="visually-hidden"> required</span></span>`;
}
