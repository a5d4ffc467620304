/** The inputs of a definition as a form: by its schema, by that of its start event, or as any JSON. */
import { isObject } from "../core/json.js";
import { schemaForm } from "./schema_form.js";

/** Fields of an interface's type beside its schema: what has none of them is a schema itself. */
const TYPE_FIELDS = ["schema", "types", "qualified_name", "name"];

/** The schema of what a run of a definition is given; null takes any object. @param {any} document */
export function inputsSchema(document) {
  if (isObject(document?.inputs)) return document.inputs;
  const start = document?.interface?.start;
  if (!isObject(start)) return null;
  const schema = TYPE_FIELDS.some((name) => name in start) ? start.schema : start;
  return isObject(schema) ? schema : null;
}

/**
 * @param {object} options
 * @param {any} options.document  a definition as JSON
 * @param {import("../core/view.js").Signal<any>} options.value
 * @param {() => Array<{path?: string, message: string}>} [options.errors]  what the server found, followed
 */
export function inputsForm({ document, value, errors = () => [] }) {
  return schemaForm({ schema: inputsSchema(document), value, label: "Inputs", errors });
}
