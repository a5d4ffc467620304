/** The newest runs beside the one that is shown, with links to compare. */
import { api } from "../../core/api.js";
import { shortId } from "../../core/format.js";
import { recall, remember } from "../../core/kept.js";
import { href, hrefOf } from "../../core/router.js";
import { milliseconds, now, relative } from "../../core/time.js";
import { each, effect, html, onDispose, show, signal } from "../../core/view.js";
import { stateIcon } from "../../parts/status.js";

const SHOWN = 30;
const AGAIN_MS = 5_000;
const KEPT = "run-list";

/** @param {string} id  of the run that is shown */
export function runList(id) {
  const isOpen = signal(recall(KEPT) === "open" && matchMedia("(min-width: 900px)").matches);
  const rows = signal(/** @type {any[]} */ ([]));
  // The stream of this tab is the run's own: the list is asked for now and then.
  async function read() {
    if (!isOpen.peek() || document.hidden) return;
    const page = await api.get("/v1/executions", { limit: SHOWN, parent: "none" }).catch(() => null);
    if (page) rows.value = page.items;
  }
  const timer = setInterval(() => void read(), AGAIN_MS);
  onDispose(() => clearInterval(timer));
  effect(() => {
    remember(KEPT, isOpen.value ? "open" : "closed");
    void read();
  });
  return html`<div class=${() => (isOpen.value ? "run-list open" : "run-list")}>
    <button type="button" class="quiet" aria-expanded=${() => String(isOpen.value)} onclick=${() => (isOpen.value = !isOpen.peek())}>${() =>
        (isOpen.value ? "Hide other runs" : "Other runs")}</button>
    ${show(
      () => isOpen.value,
      () => html`<ul aria-label="Other runs">${each(
        () => rows.value,
        (row) => row.execution_id,
        (row) => html`<li class="row"><a class="row" href=${() => href(`/ui/runs/${encodeURIComponent(row.value.execution_id)}`)}
            aria-current=${() => (row.value.execution_id === id ? "true" : null)}>
          ${stateIcon(() => row.value.status.toLowerCase())}<span class="stack-tight"><bdi class="text">${() => row.value.name}</bdi>
          <span class="muted">${() => shortId(row.value.execution_id)}, ${() => relative(milliseconds(row.value.created_at), now.value)}</span></span></a>
          ${() => (row.value.execution_id === id ? null
              : html`<a class="muted" href=${href(hrefOf("/ui/runs/compare", { a: id, b: row.value.execution_id }))}>compare</a>`)}</li>`,
      )}</ul>`,
    )}
  </div>`;
}
