/** The form of inputs in the editor. */
import { computed, html, untracked } from "../../core/view.js";
import { inputsForm, inputsSchema } from "../../parts/inputs_form.js";
import { inputErrors } from "./checking.js";

/**
 * The inputs by the schema that the text has now.
 * @param {import("./checking.js").Checking} found
 * @param {import("../../core/view.js").Signal<any>} inputs
 * @param {import("../../core/view.js").Signal<any>} failure
 */
export function inputsPanel({ document }, inputs, failure) {
  const key = computed(() => (document.value === null ? null : JSON.stringify(inputsSchema(document.value))));
  let defaults = "";
  return () => {
    if (key.value === null) return html`<p class="muted">The form appears once the text is valid.</p>`;
    return untracked(() => {
      // Inputs that were not touched follow the defaults of a new schema.
      if (JSON.stringify(inputs.peek()) === defaults) inputs.value = undefined;
      const { element } = inputsForm({ document: document.peek(), value: inputs, errors: () => inputErrors(failure.value) });
      defaults = JSON.stringify(inputs.peek()) ?? "";
      return element;
    });
  };
}
