/** The graph of a run, live. */
import { serverNow } from "../../core/time.js";
import { nodeOf } from "../../core/units.js";
import { effect, html, signal } from "../../core/view.js";
import { graphView } from "../../graph/graph_view.js";
import { graphNodes, graphState } from "../../graph/run_graph.js";

/** @param {import("../run.js").RunView} view */
export function graphTab({ live, nodeId, filter, select }) {
  const selected = signal(/** @type {string | null} */ (null));
  effect(() => {
    selected.value = nodeOf(nodeId.value);
  });
  const { workflow_id: workflow, workflow_version: version, version: hash } = live.run?.execution ?? {};
  return html`<div class="graph-holder">${graphView({
    nodes: () => (void live.shape.value, graphNodes(live.run?.nodes.values() ?? [])),
    stateOf: (id) => {
      const node = live.node(id);
      return node ? graphState(node, serverNow()) : { state: "pending", label: "pending", detail: "", progress: null };
    },
    changed: () => (void live.version.value, live.takeChanged()),
    filter: () => filter.value,
    selected,
    onSelect: select,
    onOpen: select,
    storageKey: workflow ? `${workflow}.${version}` : hash,
  })}</div>`;
}
