/** What the server says of a text while it is being written. */
import { ApiError, api } from "../../core/api.js";
import { effect, onDispose, signal } from "../../core/view.js";

/** @typedef {{path?: string, message: string, hint?: string, line?: number, column?: number}} Finding */
/** @typedef {{text: string, isValid: boolean, errors: Finding[], warnings: Finding[], document: any, summary: any}} Checked */
/**
 * @typedef {object} Checking
 * @property {import("../../core/view.js").Signal<Checked | null>} checked  the newest answer; its text may be an older one
 * @property {import("../../core/view.js").Signal<any>} document  the newest that was valid, as JSON
 * @property {import("../../core/view.js").Signal<ApiError | null>} error  why there is no answer
 */

const TYPING_MS = 250;
const PATH = "/v1/validate?document=true";

/** @param {import("../../core/view.js").Signal<string>} text @returns {Checking} */
export function checking(text) {
  const checked = signal(/** @type {Checked | null} */ (null));
  const document = signal(/** @type {any} */ (null));
  const error = signal(/** @type {ApiError | null} */ (null));
  let timer = 0;
  let asking = new AbortController();
  async function check() {
    const asked = text.peek();
    asking.abort();
    const { signal: stop } = (asking = new AbortController());
    try {
      const { valid, errors, warnings, document: read, summary } = await api.post(PATH, asked, { signal: stop });
      if (stop.aborted) return;
      checked.value = { text: asked, isValid: valid, errors, warnings, document: read, summary };
      if (valid) document.value = read;
      error.value = null;
    } catch (problem) {
      if (!stop.aborted && problem instanceof ApiError) error.value = problem;
    }
  }
  effect(() => {
    void text.value;
    clearTimeout(timer);
    timer = setTimeout(check, checked.peek() === null ? 0 : TYPING_MS);
  });
  onDispose(() => {
    clearTimeout(timer);
    asking.abort();
  });
  return { checked, document, error };
}
