/** The graph of a definition that does not run. Pure. */
import { nodesIn } from "../core/json.js";

/** @typedef {{state: string, detail: string}} Shown  how one node is drawn */

/**
 * The nodes of a definition as JSON. What has no id is left out, and so is a dependency on what is not there: a
 * document may be half written.
 * @param {any} document @returns {import("./scene.js").GraphNode[]}
 */
export function nodesOf(document) {
  const given = nodesIn(document);
  const named = (Array.isArray(given) ? given : []).filter((node) => typeof node?.id === "string");
  const ids = new Set(named.map(({ id }) => id));
  return named.map(({ id, handler, dependencies }) => ({
    id,
    handler: typeof handler === "string" ? handler : "",
    dependencies: [...new Set(Array.isArray(dependencies) ? dependencies : [])].filter((name) => ids.has(name)),
  }));
}
