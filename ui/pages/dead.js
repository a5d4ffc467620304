/** Dead letters: nodes that failed for good, why, and what can be done with them. */
import { api } from "../core/api.js";
import { everyPage } from "../core/every_page.js";
import { errorLine, inOneLine, plural, shortId } from "../core/format.js";
import { poll } from "../core/poll.js";
import { go, href, hrefOf } from "../core/router.js";
import { listenToFeed, may } from "../core/session.js";
import { milliseconds, moment, now, relative } from "../core/time.js";
import { html, onDispose, show } from "../core/view.js";
import { openDialog } from "../parts/dialog.js";
import { problemList } from "../parts/problems.js";
import { newSelection, selectionColumn, withEach } from "../parts/selection.js";
import { table } from "../parts/table.js";

export const title = "Dead letters";

/** @typedef {{entry_id: string, execution_id: string, name: string, node_id: string, reason: string, error: any, attempt: number, at: string}} Entry */

export function page() {
  const { value, error, again } = poll(() => everyPage("/v1/dead"), 5_000);
  const entries = () => /** @type {Entry[]} */ (value.value ?? []);
  const selection = newSelection();
  const chosen = () => entries().filter((entry) => selection.has(entry.entry_id));
  onDispose(listenToFeed({}));
  return html`<div class="page-head"><h1>Dead letters</h1></div>
    <p class="muted">Nodes that failed after their last attempt, or whose workers died too often. Open the run for details.</p>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(
      () => chosen().length > 0 && may("run"),
      () => html`<div class="row banner" role="region" aria-label="Selected entries"><span
          class="strong">${() => plural(chosen().length, "entry", "entries")} selected</span>
        <button type="button" onclick=${() => act("Requeue", chosen())}>Requeue…</button><button type="button"
            onclick=${() => act("Drop", chosen())}>Drop…</button></div>`,
    )}
    ${table({
      label: "Dead letters",
      rows: entries,
      keyOf: (entry) => entry.entry_id,
      onOpen: (entry) => go(hrefOf(`/ui/runs/${encodeURIComponent(entry.execution_id)}`, { node: entry.node_id })),
      least: 880,
      empty: () => show(() => value.value !== null, () => html`<div class="empty">There are no dead letters.</div>`),
      columns: [
        selectionColumn(selection, (entry) => entry.entry_id, (entry) => `${entry.node_id} of ${entry.execution_id}`),
        {
          title: "Since",
          width: "110px",
          cell: (entry) => html`<time title=${() => moment(milliseconds(entry().at))}>${() => relative(milliseconds(entry().at), now.value)}</time>`,
        },
        { title: "Workflow", width: "minmax(120px, 1fr)", cell: (entry) => html`<bdi class="text">${() => entry().name}</bdi>` },
        { title: "Node", width: "minmax(120px, 1fr)", cell: (entry) => html`<bdi class="strong">${() => entry().node_id}</bdi>` },
        {
          title: "Run",
          width: "180px",
          cell: (entry) => html`<a class="mono"
              href=${() => href(hrefOf(`/ui/runs/${encodeURIComponent(entry().execution_id)}`, { node: entry().node_id }))}>${() =>
              shortId(entry().execution_id)}</a>`,
        },
        { title: "Reason", width: "130px", cell: (entry) => html`${() => entry().reason.replaceAll("_", " ")}` },
        { title: "Attempt", width: "80px", isEnd: true, cell: (entry) => html`<span class="number">${() => entry().attempt}</span>` },
        {
          title: "Error",
          width: "minmax(200px, 3fr)",
          cell: (entry) => html`<bdi class="text" title=${() => errorLine(entry().error)}>${() => inOneLine(errorLine(entry().error), 300)}</bdi>`,
        },
      ],
    })}`;

  /** @param {"Requeue" | "Drop"} verb @param {Entry[]} list */
  function act(verb, list) {
    const isRequeue = verb === "Requeue";
    openDialog({
      title: `${verb} ${plural(list.length, "entry", "entries")}?`,
      body: () => html`<p>${isRequeue ? "The failed part of each run is retried; completed nodes keep their results."
          : "The entries are deleted; their runs do not change."}</p>
        <ul>${list.map((entry) => html`<li><bdi>${entry.node_id}</bdi> of <bdi>${entry.name}</bdi> <span class="mono muted">${shortId(entry.execution_id)}</span></li>`)}</ul>`,
      actions: [
        {
          label: verb,
          look: isRequeue ? "primary" : "danger",
          run: withEach(list, {
            call: ({ entry_id: id }) => (isRequeue ? api.post(`/v1/dead/${id}/requeue`) : api.delete(`/v1/dead/${id}`)),
            nameOf: (entry) => `${entry.node_id} of ${shortId(entry.execution_id)}`,
            countOf: (count) => plural(count, "entry", "entries"),
            done: isRequeue ? "requeued" : "dropped",
            onDone: () => (selection.clear(), again()),
          }),
        },
      ],
    });
  }
}
