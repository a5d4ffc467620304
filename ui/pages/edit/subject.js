/** What is edited: a new workflow, one that is registered, or what a run was made of. */
import { api, send } from "../../core/api.js";
import { fromJson } from "../../core/json.js";
import { pathOf } from "../workflow/path.js";

/**
 * @typedef {object} Subject
 * @property {"new" | "workflow" | "run"} kind
 * @property {string} id  name of the workflow, id of the run; "" of a new one
 * @property {string} heading
 * @property {string} text  as it is there
 * @property {string} note  what has to be known of the text; "" mostly
 * @property {string} etag  of the workflow that the text is of
 * @property {any} inputs  of the run; undefined begins with the defaults
 * @property {any} trigger  document of the run, or null
 * @property {Record<string, string>} labels  of the run
 * @property {string | null} node  that a fork begins with
 */

const EMPTY = { note: "", etag: "", inputs: undefined, trigger: null, labels: {}, node: null };

/** @param {{run?: string, workflow?: string, node?: string}} asked @returns {Promise<Subject>} */
export async function loadSubject({ run, workflow, node }) {
  if (run) return { ...EMPTY, ...(await (await import("./run_subject.js")).ofRun(run, node ?? null)) };
  if (workflow) return ofWorkflow(workflow);
  const { NEW } = await import("./new_text.js");
  return { ...EMPTY, kind: "new", id: "", heading: "New workflow", text: NEW };
}

/** @param {string} name @returns {Promise<Subject>} */
export async function ofWorkflow(name) {
  const answer = await send("GET", pathOf(name));
  const { source, media_type: type, definition, name: own } = fromJson(await answer.text());
  const { text, note } = await readable(source, type, definition);
  return { ...EMPTY, kind: "workflow", id: own, heading: `Edit ${own}`, text, note, etag: answer.headers.get("ETag") ?? "" };
}

/**
 * The source where it is a definition; one that is written for another interface of the server is shown as what
 * was made of it. @param {any} source @param {string} type @param {any} definition
 */
async function readable(source, type, definition) {
  if (type.includes("json") || typeof source !== "string") return { text: await asYaml(definition), note: "It was sent as JSON, and is shown as YAML." };
  const { document } = await api.post("/v1/validate?document=true", source);
  if (document?.nodes || document?.dag) return { text: source, note: "" };
  return { text: await asYaml(definition), note: "It was sent in the format of another interface, and is shown converted. Saving it here keeps the converted form." };
}

/** @param {any} definition */
async function asYaml(definition) {
  return (await import("../../core/yaml_text.js")).toYaml(definition);
}
