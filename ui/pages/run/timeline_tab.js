/** The nodes of a run on a line of time, live. */
import { api } from "../../core/api.js";
import { isOver, stateOf } from "../../core/statuses.js";
import { nodeOf } from "../../core/units.js";
import { timelineView } from "../../graph/timeline.js";

/** @param {import("../run.js").RunView} view */
export function timelineTab({ live, nodeId, filter, select }) {
  return timelineView({
    nodes: () => {
      void live.version.value;
      const nodes = live.run?.nodes.values() ?? [];
      return filter.value === null ? nodes : inState(nodes, filter.value);
    },
    attempts: async (id) => (await api.get(`${live.path}/nodes/${encodeURIComponent(id)}/attempts`)).items,
    selected: () => nodeOf(nodeId.value),
    onSelect: select,
    isLive: () => (void live.head.value, live.run !== null && !isOver(live.run.execution.status)),
  });
}

/**
 * Looked for when they are drawn, which is more seldom than they change.
 * @param {Iterable<import("../../core/reducer.js").RunNode>} nodes
 * @param {string} state
 */
function* inState(nodes, state) {
  for (const node of nodes) if (stateOf(node) === state) yield node;
}
