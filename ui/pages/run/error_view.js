/** An error of a node or attempt: its type, its message, what it says beside that, and where it came from. */
import { isObject } from "../../core/json.js";
import { html, show, signal } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { cutText } from "../../parts/cut_text.js";
import { jsonTree } from "../../parts/json_tree.js";
import { textBlock } from "../../parts/text_block.js";

/** A longer message is cut. */
const LONG = 400;

/** @param {import("../../core/reducer.js").ErrorObject & {attempt?: number, worker?: string | null}} error */
export function errorView(error) {
  const { traceback, crash, details } = partsOf(error);
  return html`<section class="problem error-view" aria-label="Error">
    <div class="row spread"><h3 class="strong text">${error.type}</h3>${copyButton(() => JSON.stringify(error, null, 2), "Copy the error")}</div>
    <p class="text error-message">${cutText(() => error.message, LONG)}</p>
    ${error.retryable === false ? html`<p class="muted">${whyNotAgain(error.type)}</p>` : null}
    ${crash === null ? null : html`<p>${crash.words} <code>${crash.how}</code></p>`}
    ${crash?.lines ? textBlock("The last lines of its process", () => crash.lines) : null}
    ${traceback === null ? null : textBlock("Traceback", () => traceback)}
    ${Object.keys(details).length > 0 ? folded("Details", () => jsonTree(() => details, { label: "details of the error", name: "error-details" })) : null}
  </section>`;
}

/** @param {string} type */
function whyNotAgain(type) {
  if (type === "ItemsFailed") return "Each of its items had its own tries.";
  return type.startsWith("Timeout.") ? "Not tried again: its time was over." : "Not tried again: it would fail the same way.";
}

/**
 * What an error says beside its message. How a process ended is meant only where the engine says it: a `signal` in an
 * error of a handler may be anything.
 * @param {{type: string, details?: any}} error
 * @returns {{traceback: string | null, crash: {words: string, how: string, lines: string} | null, details: Record<string, any>}}
 */
function partsOf(error) {
  const { traceback = null, ...rest } = isObject(error.details) ? error.details : error.details == null ? {} : { details: error.details };
  const text = traceback === null ? null : String(traceback);
  if (error.type !== "HandlerCrashed") return { traceback: text, crash: null, details: rest };
  const { last_lines: lines, exit_code: code, signal: name, ...details } = rest;
  const how = name === undefined ? ["Its process ended with exit code", code] : ["Its process was ended by", name];
  return { traceback: text, crash: { words: how[0], how: String(how[1]), lines: Array.isArray(lines) ? lines.join("\n") : "" }, details };
}

/** What is built when it is opened. @param {string} title @param {() => any} content */
function folded(title, content) {
  const isOpen = signal(false);
  const onToggle = (/** @type {Event} */ event) => (isOpen.value = /** @type {HTMLDetailsElement} */ (event.target).open);
  return html`<details ontoggle=${onToggle}><summary>${title}</summary>${show(() => isOpen.value, content)}</details>`;
}
