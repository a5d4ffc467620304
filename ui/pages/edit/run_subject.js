/** What a run was made of, to be run again with changes. */
import { api } from "../../core/api.js";
import { nodeOf } from "../../core/units.js";
import { toYaml } from "../../core/yaml_text.js";

/** @param {string} id @param {string | null} node @returns {Promise<Omit<import("./subject.js").Subject, "note" | "etag">>} */
export async function ofRun(id, node) {
  const path = `/v1/executions/${encodeURIComponent(id)}`;
  const [view, definition] = await Promise.all([api.get(path), api.get(`${path}/definition`)]);
  const heading = `Run ${view.name} again, with changes`;
  return {
    kind: "run",
    id: view.execution_id,
    heading,
    text: toYaml(definition),
    inputs: view.inputs ?? undefined,
    trigger: view.trigger ?? null,
    labels: view.labels,
    node: nodeOf(node),
  };
}
