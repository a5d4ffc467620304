/** A text area for JSON, with the error of the parser below it. */
import { fromJson } from "../core/json.js";
import { computed, html, signal } from "../core/view.js";

let last = 0;

/**
 * @param {{value: import("../core/view.js").Signal<any>, label: string, rows?: number}} options
 *   value: what was typed in; undefined where there is nothing, and while it is no JSON
 * @returns {{element: any, problems: () => string[]}}
 */
export function jsonField({ value, label, rows = 4 }) {
  const id = `json-${++last}`;
  const first = value.peek() === undefined ? "" : JSON.stringify(value.peek(), null, 2);
  const typed = signal(first);
  const found = computed(() => read(typed.value));
  const onInput = (/** @type {Event} */ event) => {
    typed.value = /** @type {HTMLTextAreaElement} */ (event.target).value;
    const { result, problem } = read(typed.peek());
    value.value = problem === null ? result : undefined;
  };
  const element = html`<div class="field"><label for=${id}>${label} <span class="hint">JSON</span></label>
    <textarea id=${id} class="mono" rows=${rows} spellcheck="false" .value=${first} oninput=${onInput}
        aria-invalid=${() => String(found.value.problem !== null)} aria-describedby=${`${id}-problem`}></textarea>
    <span class="hint" id=${`${id}-problem`} role="status">${() => found.value.problem ?? ""}</span></div>`;
  return { element, problems: () => (found.value.problem === null ? [] : [`${label}: ${found.value.problem}`]) };
}

/** @param {string} text @returns {{result: any, problem: string | null}} */
function read(text) {
  if (text.trim() === "") return { result: undefined, problem: null };
  try {
    return { result: fromJson(text), problem: null };
  } catch (error) {
    return { result: undefined, problem: error instanceof Error ? error.message : "not JSON" };
  }
}
