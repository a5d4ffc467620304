/** The graph of a definition that does not run. Pure. */
import { nodesIn } from "../core/json.js";
import { stateOf, wordOf } from "../core/statuses.js";
import { duration } from "../core/time.js";

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

/** How nodes are drawn after a simulation. @param {any} simulated  the server's answer @returns {Map<string, Shown>} */
export function simulatedStates({ nodes }) {
  return new Map(
    nodes.map((/** @type {any} */ node) => {
      const state = stateOf(node);
      const took = node.start_ms === null || node.end_ms === null ? wordOf(state) : duration(node.end_ms - node.start_ms);
      return [node.node_id, { state, detail: node.attempts > 1 ? `${took}, ${node.attempts} tries` : took }];
    }),
  );
}

/** How nodes are drawn before a fork. @param {any} preview  the server's answer @returns {Map<string, Shown>} */
export function forkedStates({ nodes, reused, skipped }) {
  return new Map([
    ...nodes.map((/** @type {string} */ id) => [id, { state: "queued", detail: "will run" }]),
    ...reused.map((/** @type {string} */ id) => [id, { state: "completed", detail: "reused" }]),
    ...skipped.map((/** @type {string} */ id) => [id, { state: "skipped", detail: "skipped" }]),
  ]);
}
