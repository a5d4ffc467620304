/** Cancel or retry what is selected, after a list of what that would touch. */
import { api } from "../../core/api.js";
import { plural, shortId } from "../../core/format.js";
import { may } from "../../core/session.js";
import { html, show, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { withEach } from "../../parts/selection.js";
import { statusChip } from "../../parts/status.js";
import { go, hrefOf } from "../../core/router.js";

/** @typedef {Record<string, any>} Row */

/**
 * @param {import("../../parts/selection.js").Selection} selection
 * @param {() => Row[]} rows
 * @param {() => void} onDone
 */
export function bulkActions(selection, rows, onDone) {
  const chosen = () => rows().filter((row) => selection.has(row.execution_id));
  const [a, b] = [() => chosen()[0]?.execution_id, () => chosen()[1]?.execution_id];
  return show(
    () => chosen().length > 0,
    () => html`<div class="row banner" role="region" aria-label="Selected runs">
      <span class="strong">${() => plural(chosen().length, "run")} selected</span>
      ${show(() => may("run"), () => html`<button type="button" onclick=${() => void cancel(chosen(), finished)}>Cancel…</button><button type="button"
          onclick=${() => void retry(chosen(), finished)}>Retry…</button>`)}
      ${show(() => chosen().length === 2, () =>
          html`<button type="button" onclick=${() => go(hrefOf("/ui/runs/compare", { a: a(), b: b() }))}>Compare</button>`)}
      <button type="button" class="quiet" onclick=${selection.clear}>Clear</button></div>`,
  );
  function finished() {
    selection.clear();
    onDone();
  }
}

const words = {
  nameOf: (/** @type {Row} */ row) => `${row.name} ${shortId(row.execution_id)}`,
  countOf: (/** @type {number} */ count) => plural(count, "run"),
};

/** @param {Row[]} rows @param {() => void} onDone */
function cancel(rows, onDone) {
  const open = rows.filter((row) => ["PENDING", "RUNNING", "PAUSED"].includes(row.status));
  openDialog({
    title: `Cancel ${plural(open.length, "run")}?`,
    body: () => html`<p>Running nodes get 30 seconds to finish; nodes that have not started never will.</p>
      ${list(open)}${left(rows.length - open.length, "ended already")}`,
    actions: [
      {
        label: `Cancel ${plural(open.length, "run")}`,
        look: "danger",
        isDisabled: () => open.length === 0,
        run: withEach(open, {
          call: (row) => api.post(`/v1/executions/${row.execution_id}/cancel`, { reason: "cancelled from the page" }),
          done: "cancelled",
          ...words,
          onDone,
        }),
      },
    ],
  });
}

/** @param {Row[]} rows @param {() => void} onDone */
async function retry(rows, onDone) {
  const ended = rows.filter((row) => ["FAILED", "CANCELLED"].includes(row.status) && row.parent === null);
  const previews = signal(/** @type {Map<string, string>} */ (new Map()));
  openDialog({
    title: `Retry ${plural(ended.length, "run")}?`,
    body: () => html`<p>Completed nodes keep their results; those that failed, were cancelled, or never ran because of that run again.</p>
      ${list(ended, (row) => previews.value.get(row.execution_id) ?? "…")}${left(rows.length - ended.length, "cannot be retried")}`,
    actions: [
      {
        label: `Retry ${plural(ended.length, "run")}`,
        look: "primary",
        isDisabled: () => ended.length === 0,
        run: withEach(ended, {
          call: (row) => api.post(`/v1/executions/${row.execution_id}/retry`, { generation: row.generation }),
          done: "retried",
          ...words,
          onDone,
        }),
      },
    ],
  });
  for (const row of ended) {
    const text = await api
      .post(`/v1/executions/${row.execution_id}/retry`, { preview: true })
      .then(({ nodes }) => `${plural(nodes.length, "node")} again`)
      .catch((error) => error.message);
    previews.value = new Map(previews.peek()).set(row.execution_id, text);
  }
}

/** @param {Row[]} rows @param {(row: Row) => string} [more] */
function list(rows, more) {
  return html`<ul>${rows.map((row) => html`<li class="row">${statusChip(() => row.status.toLowerCase())}<bdi>${row.name}</bdi><span
      class="mono muted">${shortId(row.execution_id)}</span>${more ? html`<span class="muted">${() => more(row)}</span>` : null}</li>`)}</ul>`;
}

/** @param {number} count @param {string} why */
function left(count, why) {
  return count > 0 ? html`<p class="muted">${plural(count, "run")} ${why} and stay as they are.</p>` : null;
}
