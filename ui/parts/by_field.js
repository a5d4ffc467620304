/** The field for the name of who decides or acts. The server does not verify it; this browser remembers it. */
import { recall, remember } from "../core/kept.js";
import { html } from "../core/view.js";

const KEPT = "by";
let last = 0;

export function rememberedBy() {
  return recall(KEPT) ?? "";
}

/** @param {string} name */
export function rememberBy(name) {
  if (name.trim() !== "") remember(KEPT, name.trim());
}

/** @param {import("../core/view.js").Signal<string>} by @param {string[] | null} [names]  the only ones that may */
export function byField(by, names = null) {
  const id = `by-${++last}`;
  const take = (/** @type {Event} */ event) => (by.value = /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target).value);
  if (names !== null && !names.includes(by.peek())) by.value = "";
  return html`<div class="field"><label for=${id}>Your name</label>${
    names === null
      ? html`<input id=${id} autocomplete="name" maxlength="256" .value=${by.peek()} oninput=${take}>`
      : html`<select id=${id} .value=${by.peek()} onchange=${take}><option value="">Choose…</option>${names.map((name) => html`<option
          value=${name}>${name}</option>`)}</select>`
  }</div>`;
}
