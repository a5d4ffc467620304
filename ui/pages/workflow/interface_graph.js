/** A workflow as the clients of workflow servers see it: its steps, and the events that go between them. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { html, show, signal } from "../../core/view.js";
import { documentGraph } from "../../graph/document_view.js";
import { problemList } from "../../parts/problems.js";

/** @typedef {{nodes: Array<{id: string, node_type: string}>, edges: Array<{source: string, target: string}>}} Representation */

/** The graph of a workflow: its nodes or, where it has an interface, its steps and events. @param {import("../workflow.js").WorkflowView} view */
export function workflowGraph({ workflow }) {
  const isInterface = signal(false);
  const choice = (/** @type {string} */ title, /** @type {boolean} */ value) =>
    html`<button type="button" aria-pressed=${() => String(isInterface.value === value)} onclick=${() => (isInterface.value = value)}>${title}</button>`;
  return html`<section class="stack" aria-label="Graph">
    ${show(() => workflow().has_interface, () => html`<div class="row filters">${choice("Nodes", false)}${choice("Steps and events", true)}</div>`)}
    ${show(
      () => isInterface.value && workflow().has_interface,
      () => interfaceGraph(workflow),
      () => documentGraph({ document: () => workflow().definition, storageKey: `${workflow().workflow_id}.${workflow().version}` }),
    )}
  </section>`;
}

/** @param {() => any} workflow */
function interfaceGraph(workflow) {
  const { answer, error } = asked(
    () => `${workflow().name} ${workflow().version}`,
    () => api.get(`/workflows/${encodeURIComponent(workflow().name)}/representation`),
  );
  return html`<div class="stack">
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(() => answer.value !== null, () => documentGraph({ document: () => stepsAndEvents(answer.value.graph) }))}
    <p class="muted">Steps, and the events between them; <code>external_step</code> stands for the client that sends events.</p></div>`;
}

/** A representation in the form of a definition: what an edge comes from is depended on. Pure. @param {Representation} graph */
function stepsAndEvents({ nodes, edges }) {
  const sourcesOf = (/** @type {string} */ id) => edges.filter(({ target }) => target === id).map(({ source }) => source);
  return { nodes: nodes.map(({ id, node_type: handler }) => ({ id, handler, dependencies: sourcesOf(id) })) };
}
