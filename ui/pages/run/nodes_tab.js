/** The nodes of a run as a table: all that the graph says, and more of it at once. */
import { errorLine, inOneLine } from "../../core/format.js";
import { stateOf } from "../../core/statuses.js";
import { milliseconds, moment, now, relative, took } from "../../core/time.js";
import { computed, html, signal } from "../../core/view.js";
import { progressBar, statusChip } from "../../parts/status.js";
import { table } from "../../parts/table.js";

/** @typedef {import("../../core/reducer.js").RunNode} RunNode */

/** @param {import("../run.js").RunView} view */
export function nodesTab({ live, nodeId, filter, select }) {
  const text = signal("");
  const rows = computed(() => {
    void live.version.value;
    const [state, wanted] = [filter.value, text.value.trim().toLowerCase()];
    const nodes = [...(live.run?.nodes.values() ?? [])];
    if (state === null && !wanted) return nodes;
    const hasText = (/** @type {RunNode} */ { node_id: id, handler }) => `${id}\n${handler}`.toLowerCase().includes(wanted);
    return nodes.filter((node) => (state === null || stateOf(node) === state) && (!wanted || hasText(node)));
  });
  return html`<div class="stack">
    <div class="row"><input type="search" aria-label="Filter nodes by id or handler" placeholder="Id or handler"
        oninput=${(/** @type {any} */ event) => (text.value = event.target.value)}></div>
    ${table({
      label: "Nodes",
      rows: () => rows.value,
      keyOf: (node) => node.node_id,
      onOpen: (node) => select(node.node_id),
      selected: () => nodeId.value,
      least: 720,
      isRecycled: true,
      empty: () => html`<div class="empty">No node matches.</div>`,
      columns: [
        { title: "State", width: "170px", cell: (node) => stateCell(computed(() => stateOf(node()))) },
        { title: "Node", width: "minmax(140px, 1fr)", cell: (node) => html`<bdi class="strong" title=${() => node().node_id}>${() => node().node_id}</bdi>` },
        { title: "Handler", width: "120px", cell: (node) => html`<span class="muted">${() => node().handler}</span>` },
        { title: "Attempt", width: "80px", isEnd: true, cell: (node) => html`<span class="number">${() => triesOf(node())}</span>` },
        {
          title: "Started",
          width: "110px",
          cell: (node) => html`<time title=${() => moment(milliseconds(node().started_at))}>${() =>
              relative(milliseconds(node().started_at), now.value)}</time>`,
        },
        { title: "Took", width: "100px", isEnd: true, cell: (node) => html`<span class="number">${() => tookOf(node())}</span>` },
        { title: "Details", width: "minmax(160px, 2fr)", cell: (node) => html`${() => sayingOf(node())}` },
      ],
    })}
  </div>`;
}

/** Drawn again only when it is another one. @param {import("../../core/view.js").Computed<string>} state */
function stateCell(state) {
  return statusChip(() => state.value);
}

/** @param {RunNode} node */
function triesOf(node) {
  return node.try > 1 || node.status === "RUNNING" ? `${Math.max(1, node.try)} of ${node.max_attempts}` : node.attempt > 0 ? "1" : "";
}

/** @param {RunNode} node */
function tookOf(node) {
  return node.status === "PENDING" ? "" : took(node, node.status === "RUNNING");
}

/** The most important thing to say of a node, in one line. @param {RunNode} node */
function sayingOf(node) {
  const due = milliseconds(node.due_at);
  if (node.error && node.status !== "COMPLETED") {
    const again = due !== null && node.status === "WAITING" ? `next attempt ${relative(due, now.value)}; ` : "";
    return html`<bdi class="text" title=${errorLine(node.error)}>${again}${inOneLine(errorLine(node.error), 200)}</bdi>`;
  }
  if (node.items) {
    const { completed, failed, total } = node.items;
    return html`<div class="row"><span class="number">${completed + failed} of ${total}</span>${progressBar(() => [
      { state: "failed", count: failed },
      { state: "completed", count: completed },
      { state: "pending", count: total - completed - failed },
    ])}</div>`;
  }
  if (node.because_of?.length) return html`<bdi class="muted">because of ${node.because_of.join(", ")}</bdi>`;
  if (node.reason) return html`<span class="muted">${node.reason.replaceAll("_", " ")}</span>`;
  if (due !== null) return html`<span class="muted">due ${relative(due, now.value)}</span>`;
  if (node.progress) return html`<bdi class="muted">${node.progress.fraction !== null ? `${Math.round(node.progress.fraction * 100)} % `
      : ""}${node.progress.message ?? ""}</bdi>`;
  return null;
}
