/** What the server says of a text while it is being written. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { settled } from "../../core/settled.js";
import { signal } from "../../core/view.js";

/** @typedef {{path?: string, message: string, hint?: string, line?: number, column?: number}} Finding */
/** @typedef {{text: string, isValid: boolean, errors: Finding[], warnings: Finding[], document: any, summary: any}} Checked */
/**
 * @typedef {object} Checking
 * @property {import("../../core/view.js").Signal<Checked | null>} checked  the newest answer; its text may be an older one
 * @property {import("../../core/view.js").Signal<any>} document  the newest that was valid, as JSON
 * @property {import("../../core/view.js").Signal<import("../../core/api.js").ApiError | null>} error  why there is no answer
 */

const PATH = "/v1/validate?document=true";

/** @param {import("../../core/view.js").Signal<string>} text @returns {Checking} */
export function checking(text) {
  const document = signal(/** @type {any} */ (null));
  const written = settled(() => text.value);
  const { answer: checked, error } = asked(
    () => written.value,
    async () => {
      const asked = written.peek();
      const { valid, errors, warnings, document: read, summary } = await api.post(PATH, asked);
      if (valid) document.value = read;
      return { text: asked, isValid: valid, errors, warnings, document: read, summary };
    },
  );
  return { checked, document, error };
}

/** What an error of a start says where it belongs to the inputs. @param {import("../../core/api.js").ApiError | null} error */
export function inputErrors(error) {
  return (error?.errors ?? []).filter(({ path }) => path?.startsWith("inputs"));
}
