/** An error in words: what went wrong, and each thing that was found, with its place. */
import { html } from "../core/view.js";

/** @param {() => any} error  an ApiError, or another */
export function problemList(error) {
  return html`<div class="problem" role="alert">
    <p class="strong">${() => error()?.message ?? ""}</p>
    ${() =>
      (error()?.errors ?? []).length === 0
        ? null
        : html`<ul>${error().errors.map((/** @type {any} */ each) => html`<li>${place(each)}${each.message}</li>`)}</ul>`}
  </div>`;
}

/** @param {{path?: string, line?: number, column?: number}} problem */
function place({ path, line, column }) {
  const where = line ? `line ${line}${column ? `, column ${column}` : ""}` : path;
  return where ? html`<code>${where}</code> ` : null;
}
