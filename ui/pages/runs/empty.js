/** The list of runs while it is empty, and the warning that no worker is connected. */
import { api } from "../../core/api.js";
import { once } from "../../core/once.js";
import { poll } from "../../core/poll.js";
import { go, href } from "../../core/router.js";
import { context } from "../../core/session.js";
import { html, show } from "../../core/view.js";
import { noWorkers } from "../../parts/no_workers.js";
import { notifyError } from "../../parts/notices.js";

/** @param {() => boolean} isFiltered @param {() => void} clear  the filters */
export function emptyRuns(isFiltered, clear) {
  const startDemo = once(async () => {
    try {
      const { execution_id: id } = await api.post("/demo/start");
      go(`/ui/runs/${encodeURIComponent(id)}`);
    } catch (error) {
      notifyError(error);
    }
  });
  return html`<div class="empty">${show(
    isFiltered,
    () => html`<p>No run matches these filters.</p><button type="button" onclick=${clear}>Clear all filters</button>`,
    () => html`<h2>No runs yet</h2>
      ${show(
        () => context.value?.demo ?? false,
        () => html`<button type="button" class="primary" onclick=${startDemo}>Start the demo</button>`,
        () => html`<p>Start one: <code>./headrace run examples/linear.json</code></p>`,
      )}
      <p>or <a href=${href("/ui/edit")}>write a workflow</a> and run it from here.</p>`,
  )}</div>`;
}

/** Warn the operator when no worker is connected. */
export function workersMissing() {
  const { value } = poll(() => api.get("/v1/workers"), 10_000);
  return show(
    () => value.value?.items.length === 0,
    noWorkers,
  );
}
