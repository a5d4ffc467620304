/** Simulate the text: with stubs in place of handlers, on a virtual clock. */
import { ApiError, api } from "../../core/api.js";
import { errorLine, plural } from "../../core/format.js";
import { stateOf, wordOf } from "../../core/statuses.js";
import { duration } from "../../core/time.js";
import { html, show, signal } from "../../core/view.js";
import { jsonField } from "../../parts/json_field.js";
import { jsonTree } from "../../parts/json_tree.js";
import { problemList } from "../../parts/problems.js";
import { statusChip } from "../../parts/status.js";
import { table } from "../../parts/table.js";

/** @typedef {import("./simulation.js").Simulation} Simulation */

/** @param {Simulation} simulation @param {() => string} text @param {() => any} inputs */
export function simulationPanel({ report, stubs }, text, inputs) {
  const failure = signal(/** @type {ApiError | null} */ (null));
  const isBusy = signal(false);
  const field = jsonField({ value: stubs, label: "Stubs", rows: 7 });
  const play = async () => {
    isBusy.value = true;
    const played = text();
    try {
      const wrong = field.problems();
      if (wrong.length > 0) throw new ApiError(0, { detail: wrong[0] });
      const found = await api.post("/v1/simulate", { definition: played, inputs: inputs() ?? null, stubs: stubs.peek() ?? null });
      report.value = { ...found, text: played, states: simulatedStates(found) };
      failure.value = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure.value = error;
      report.value = null;
    } finally {
      isBusy.value = false;
    }
  };
  return html`<div class="stack">
    <p class="muted">No service is called and nothing is kept: conditions, templates, joins, retries and delays are real, handlers are stubs,
      and waiting takes no time.</p>
    ${field.element}
    <details><summary>The format of stubs</summary><pre class="card">${STUB_HELP}</pre></details>
    <div class="row"><button type="button" class="primary" disabled=${() => isBusy.value} onclick=${play}>Simulate</button>
      <span class="muted" role="status">${() =>
        (isBusy.value ? "simulating…" : report.value && report.value.text !== text() ? "The text has changed since." : "")}</span></div>
    ${show(() => failure.value !== null, () => problemList(() => failure.value))}
    ${() => (report.value === null ? null : reportView(report.value))}
  </div>`;
}

/** How nodes are drawn after a simulation. @param {any} simulated  the server's answer @returns {Map<string, import("../../graph/document_graph.js").Shown>} */
function simulatedStates({ nodes }) {
  return new Map(
    nodes.map((/** @type {any} */ node) => {
      const state = stateOf(node);
      const took = node.start_ms === null || node.end_ms === null ? wordOf(state) : duration(node.end_ms - node.start_ms);
      return [node.node_id, { state, detail: node.attempts > 1 ? `${took}, ${node.attempts} tries` : took }];
    }),
  );
}

const STUB_HELP = `{
  "nodes": {
    "fetch":  {"output": {"total": 12}, "fail": 2},
    "slow":   {"duration": "45s"},
    "audit":  {"skip": "no auditor"},
    "paid":   {"signal": {"payload": {"sum": 12}, "after": "5m"}},
    "review": {"decision": {"decision": "approve", "by": "ann"}}
  },
  "handlers": {"llm": {"output": {"answer": "yes"}}},
  "default":  {"duration": "1s"}
}`;

/** @param {any} step */
const pathLine = (step) => `${duration(step.at_ms).padStart(12)}  ${step.event}  ${step.node_id}`;

/** @param {string[]} waiting */
function endless(waiting) {
  return `${plural(waiting.length, "node")} would wait forever: ${waiting.join(", ")}. Add a signal or a decision to the stubs.`;
}

/** @param {any} report */
function reportView(report) {
  return html`<div class="stack">
    <div class="row">${statusChip(() => report.status.toLowerCase())}<span>after ${duration(report.duration_ms)} of virtual time</span>
      ${report.reason ? html`<code>${report.reason}</code>` : null}</div>
    ${report.waiting.length > 0 ? html`<p class="banner state-waiting">${endless(report.waiting)}</p>` : null}
    ${report.output_error ? html`<p class="problem text">${errorLine(report.output_error)}</p>` : null}
    ${table({
      label: "Simulated nodes",
      rows: () => report.nodes,
      keyOf: (node) => node.node_id,
      height: "40vh",
      least: 460,
      columns: [
        {
          title: "Ended",
          width: "90px",
          isEnd: true,
          cell: (node) => html`<span class="number">${() => (node().end_ms === null ? "" : duration(node().end_ms))}</span>`,
        },
        { title: "Node", width: "minmax(100px, 1fr)", cell: (node) => html`<bdi class="strong">${() => node().node_id}</bdi>` },
        { title: "State", width: "130px", cell: (node) => statusChip(() => stateOf(node())) },
        { title: "Tries", width: "50px", isEnd: true, cell: (node) => html`<span class="number">${() => node().attempts || ""}</span>` },
        {
          title: "Why",
          width: "minmax(80px, 1fr)",
          cell: (node) => html`<bdi title=${() => errorLine(node().error)}>${() => errorLine(node().error) || node().reason || ""}</bdi>`,
        },
      ],
    })}
    ${report.output === null ? null : html`<h3>Output</h3>${jsonTree(() => report.output, { label: "Output of the simulation" })}`}
    <h3>Outputs of nodes</h3>${jsonTree(() => report.outputs, { label: "Outputs of nodes" })}
    <details><summary>${`The path: ${plural(report.path.length, "event")}`}</summary><pre
        class="card">${report.path.map(pathLine).join("\n")}</pre></details>
  </div>`;
}
