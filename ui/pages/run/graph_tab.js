/** The graph of a run, live. */
import { effect, html, signal } from "../../core/view.js";
import { serverNow } from "../../core/time.js";
import { graphView } from "../../graph/graph_view.js";
import { graphNodes, graphState } from "../../graph/run_graph.js";
import { stateOf } from "../../core/statuses.js";

/** @param {import("../run.js").RunView} view */
export function graphTab({ live, nodeId, filter, select }) {
  const selected = signal(nodeId.peek());
  effect(() => {
    selected.value = nodeId.value?.replace(/\[\d+\]$/, "") ?? null;
  });
  const { workflow_id: workflow, workflow_version: version, version: hash } = live.run?.execution ?? {};
  return html`<div class="graph-holder card">${graphView({
    nodes: () => (void live.shape.value, graphNodes(live.run?.nodes.values() ?? [])),
    stateOf: (id) => stateShown(live, id, filter.peek()),
    changed: () => {
      // Another filter changes how all of them look.
      void filter.value;
      void live.version.value;
      return filter.value === lastFilter ? live.takeChanged() : ((lastFilter = filter.value), [...(live.run?.nodes.keys() ?? [])]);
    },
    selected,
    onSelect: select,
    onOpen: select,
    storageKey: workflow ? `${workflow}.${version}` : hash,
  })}</div>`;
}

/** @type {string | null} */
let lastFilter = null;

/** @param {import("../../core/live_run.js").LiveRun} live @param {string} id @param {string | null} filter */
function stateShown(live, id, filter) {
  const node = live.node(id);
  if (node === undefined) return { state: "pending", label: "pending", detail: "", progress: null };
  const shown = graphState(node, serverNow());
  return filter !== null && stateOf(node) !== filter ? { ...shown, isFaded: true } : shown;
}
