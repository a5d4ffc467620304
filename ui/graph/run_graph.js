/** The nodes of a run as the graph shows them. Pure. */
import { stateOf, tryWords, wordOf } from "../core/statuses.js";
import { duration, milliseconds } from "../core/time.js";

/** @typedef {import("../core/reducer.js").RunNode} RunNode */

/** @param {Iterable<RunNode>} nodes @returns {import("./scene.js").GraphNode[]} */
export function graphNodes(nodes) {
  return Array.from(nodes, ({ node_id: id, handler, dependencies }) => ({ id, handler, dependencies }));
}

/**
 * @param {RunNode} node
 * @param {number} nowMs  by the server's clock
 * @returns {import("./scene.js").NodeState}
 */
export function graphState(node, nowMs) {
  const state = stateOf(node);
  const tries = tryWords(node);
  return { state, label: wordOf(state) + (tries && `, ${tries}`), detail: detailOf(node, state, nowMs), progress: progressOf(node) };
}

/** @param {RunNode} node @param {string} state @param {number} nowMs */
function detailOf(node, state, nowMs) {
  const items = progressOf(node);
  if (items && state !== "completed") return `${items.ended}/${items.total}${items.failed ? `, ${items.failed} failed` : ""}`;
  const [started, ended, due] = [node.started_at, node.ended_at, node.due_at].map(milliseconds);
  if (state === "completed" && node.reused) return "reused";
  if (state === "completed" && started !== null && ended !== null) return duration(ended - started);
  if (state === "running" && typeof node.progress?.fraction === "number") return `${Math.round(node.progress.fraction * 100)} %`;
  if (state === "running" && started !== null) return duration(nowMs - started, { isTicking: true });
  if (state === "retrying" && due !== null && due > nowMs) return `again in ${duration(due - nowMs, { isTicking: true })}`;
  return wordOf(state);
}

/** How far a mapped node is. @param {RunNode} node */
function progressOf({ items }) {
  if (!items) return null;
  const failed = items.failed ?? 0;
  return { ended: (items.completed ?? 0) + failed + (items.skipped ?? 0) + (items.cancelled ?? 0), failed, total: items.total ?? 0 };
}
