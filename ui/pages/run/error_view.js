/** An error of a node or attempt: its type, its message, what it says beside that, and where it came from. */
import { isObject } from "../../core/json.js";
import { html, show, signal } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { cutText } from "../../parts/cut_text.js";
import { jsonTree } from "../../parts/json_tree.js";

/** A longer message is cut. */
const LONG = 400;

/** @param {import("../../core/reducer.js").ErrorObject & {attempt?: number, worker?: string | null}} error */
export function errorView(error) {
  const { traceback = null, ...details } = isObject(error.details) ? error.details : error.details == null ? {} : { details: error.details };
  return html`<section class="problem error-view" aria-label="Error">
    <div class="row spread"><h3 class="strong text">${error.type}</h3>${copyButton(() => JSON.stringify(error, null, 2), "Copy the error")}</div>
    <p class="text error-message">${cutText(() => error.message, LONG)}</p>
    ${error.retryable === false ? html`<p class="muted">Not tried again: it would fail the same way.</p>` : null}
    ${Object.keys(details).length > 0 ? folded("Details", () => jsonTree(() => details, { label: "details of the error", name: "error-details" })) : null}
    ${traceback === null ? null : folded("Traceback", () => html`<pre class="traceback text">${String(traceback)}</pre>`)}
  </section>`;
}

/** What is built when it is opened. @param {string} title @param {() => any} content */
function folded(title, content) {
  const isOpen = signal(false);
  const onToggle = (/** @type {Event} */ event) => (isOpen.value = /** @type {HTMLDetailsElement} */ (event.target).open);
  return html`<details ontoggle=${onToggle}><summary>${title}</summary>${show(() => isOpen.value, content)}</details>`;
}
