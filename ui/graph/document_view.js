/** The graph of a definition, with the states that a simulation or a preview gives its nodes. */
import { wordOf } from "../core/statuses.js";
import { computed, html, show, signal } from "../core/view.js";
import { nodesOf } from "./document_graph.js";
import { graphView } from "./graph_view.js";

/**
 * @param {object} options
 * @param {() => any} options.document  the definition as JSON, followed
 * @param {() => Map<string, import("./document_graph.js").Shown> | null} [options.states]  followed
 * @param {(id: string) => void} [options.onSelect]
 * @param {string | null} [options.storageKey]
 */
export function documentGraph({ document, states = () => null, onSelect = () => {}, storageKey = null }) {
  const selected = signal(/** @type {string | null} */ (null));
  const nodes = computed(() => nodesOf(document()));
  const shown = computed(states);
  const graph = () =>
    graphView({
      nodes: () => nodes.value,
      stateOf: (id) => {
        const found = shown.peek()?.get(id);
        if (!found) return { state: "pending", label: "not run", detail: "", progress: null };
        return { ...found, label: `${wordOf(found.state)}, ${found.detail}`, progress: null };
      },
      changed: () => (void shown.value, nodes.value.map(({ id }) => id)),
      selected,
      onSelect: (id) => {
        selected.value = id;
        if (id !== null) onSelect(id);
      },
      storageKey,
    });
  return html`<div class="graph-holder document-graph">${show(() => nodes.value.length > 0, graph, () => html`<div class="graph"></div>`)}</div>`;
}
