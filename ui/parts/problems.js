/** An error in words: what went wrong, and each thing that was found, with its place. */
import { html } from "../core/view.js";

/** @param {() => any} error  an ApiError, or another */
export function problemList(error) {
  const found = () => error()?.errors ?? [];
  return html`<div class="problem" role="alert">
    <p class="strong">${() => (isListed(error()) ? "" : (error()?.message ?? ""))}</p>
    ${() => (found().length === 0 ? null : html`<ul>${found().map((/** @type {any} */ each) => html`<li>${place(each)}${each.message}</li>`)}</ul>`)}
  </div>`;
}

/** @param {{path?: string, line?: number, column?: number}} problem */
function place({ path, line, column }) {
  const where = line ? `line ${line}${column ? `, column ${column}` : ""}` : path;
  return where ? html`<code>${where}</code> ` : null;
}

/** Whether the message says nothing but what the list says, with its places. @param {any} error */
function isListed(error) {
  const found = error?.errors ?? [];
  return found.length > 0 && found.map((/** @type {any} */ each) => each.message).join("; ") === error.message;
}
