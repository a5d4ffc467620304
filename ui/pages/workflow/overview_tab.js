/** What a workflow looks like, how its runs go, and when it starts next. */
import { api } from "../../core/api.js";
import { everyPage } from "../../core/every_page.js";
import { plural, shortId } from "../../core/format.js";
import { poll } from "../../core/poll.js";
import { go, href, hrefOf } from "../../core/router.js";
import { beganAt, duration, milliseconds, moment, now, relative, took } from "../../core/time.js";
import { computed, html, show } from "../../core/view.js";
import { statusChip } from "../../parts/status.js";
import { table } from "../../parts/table.js";
import { workflowGraph } from "./interface_graph.js";

const SHOWN = 10;

/** @param {import("../workflow.js").WorkflowView} view */
export function overviewTab(view) {
  const { workflow } = view;
  const { workflow_id: id, name } = workflow();
  const runs = poll(() => api.get("/v1/executions", { workflow: name, limit: SHOWN }), 3_000);
  const statistics = poll(() => api.get("/v1/statistics"), 15_000);
  const schedules = poll(() => everyPage("/v1/schedules", { workflow: name }), 15_000);
  const own = computed(() => statistics.value.value?.workflows.find((/** @type {any} */ each) => each.workflow_id === id) ?? null);
  const next = computed(() => {
    const due = (schedules.value.value ?? []).filter(({ state }) => state === "active").map((each) => milliseconds(each.next_due_at) ?? Infinity);
    const first = Math.min(...due);
    return Number.isFinite(first) ? first : null;
  });
  const facts = () => [
    ["Success, 30 days", () => (own.value ? successOf(own.value) : "no run has ended")],
    ["Average", () => (own.value?.average_ms ? duration(own.value.average_ms) : "–")],
    ["Starts next", () => (next.value === null ? "no schedule is active" : `${relative(next.value, now.value)}, ${moment(next.value)}`)],
    ["Updated", () => `${relative(milliseconds(workflow().updated_at), now.value)}, ${moment(milliseconds(workflow().updated_at))}`],
    ["Labels", () => Object.entries(workflow().labels).map(([key, value]) => html`<span class="tag"><bdi>${key}: ${value}</bdi></span> `)],
    ["Id", () => html`<code>${id}</code>`],
  ];
  return html`<div class="stack">
    <dl class="facts card">${facts()
      .filter(([label]) => label !== "Labels" || Object.keys(workflow().labels).length > 0)
      .map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
    ${workflowGraph(view)}
    <div class="row spread"><h2>Last runs</h2><a href=${href(hrefOf("/", { workflow: name }))}>All its runs</a></div>
    ${table({
      label: `Last runs of ${name}`,
      rows: () => runs.value.value?.items ?? [],
      keyOf: (run) => run.execution_id,
      onOpen: (run) => go(`/ui/runs/${encodeURIComponent(run.execution_id)}`),
      least: 560,
      empty: () => show(() => runs.value.value !== null, () => html`<div class="empty"><p>It has not run yet.</p><a class="button"
          href=${href(hrefOf(`/ui/workflows/${encodeURIComponent(name)}`, { tab: "launch" }))}>Launch it</a></div>`),
      columns: [
        { title: "Status", width: "130px", cell: (run) => statusChip(() => run().status.toLowerCase()) },
        {
          title: "Run",
          width: "minmax(140px, 1fr)",
          cell: (run) => html`<a class="mono" href=${() => href(`/ui/runs/${encodeURIComponent(run().execution_id)}`)}
              title=${() => run().execution_id}>${() => shortId(run().execution_id)}</a>`,
        },
        { title: "Version", width: "72px", isEnd: true, cell: (run) => html`<span class="number">${() => run().workflow_version ?? ""}</span>` },
        {
          title: "Started",
          width: "120px",
          cell: (run) => html`<time title=${() => moment(beganAt(run()))}>${() => relative(beganAt(run()), now.value)}</time>`,
        },
        { title: "Took", width: "110px", isEnd: true, cell: (run) => html`<span class="number">${() => took(run())}</span>` },
      ],
    })}
  </div>`;
}

/** @param {{total: number, completed: number, failed: number, cancelled: number}} counts  total is not 0 */
function successOf({ total, completed, failed, cancelled }) {
  const rate = `${Math.floor((1_000 * completed) / total) / 10} % of ${plural(total, "run")}`;
  return [rate, failed ? `${failed} failed` : "", cancelled ? `${cancelled} cancelled` : ""].filter(Boolean).join(", ");
}
