/** Workers, queues and the health of Redis: for the operator. */
import { api } from "../core/api.js";
import { plural } from "../core/format.js";
import { poll } from "../core/poll.js";
import { duration, milliseconds, moment, now, relative } from "../core/time.js";
import { each, html, show } from "../core/view.js";
import { icon } from "../parts/icons.js";
import { killWorker } from "../parts/kill_worker.js";
import { noWorkers } from "../parts/no_workers.js";
import { problemList } from "../parts/problems.js";
import { progressBar } from "../parts/status.js";
import { table } from "../parts/table.js";
import { hostsTable, refusals } from "./workers/hosts.js";

export const title = "Workers";

export function page() {
  const { value, error } = poll(async () => {
    const [workers, queues, ready] = await Promise.all([api.get("/v1/workers"), api.get("/v1/queues"), readiness()]);
    return { workers: workers.items, queues: queues.items, checks: Object.entries(ready.checks ?? {}) };
  }, 2_000);
  const isKnown = () => value.value !== null;
  const workers = () => value.value?.workers ?? [];
  return html`<div class="page-head"><h1>Workers and queues</h1>${killWorker()}</div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${refusals(workers)}
    ${show(
      () => isKnown() && workers().length === 0,
      noWorkers,
    )}
    <h2>Workers</h2>
    ${table({
      label: "Workers",
      rows: workers,
      keyOf: (worker) => worker.worker_id,
      least: 820,
      height: "50vh",
      empty: () => show(isKnown, () => html`<div class="empty">No worker is connected.</div>`),
      columns: [
        {
          title: "Name",
          width: "minmax(120px, 1fr)",
          cell: (worker) => html`<bdi class="strong" title=${() => worker().worker_id}>${() => worker().name}</bdi>`,
        },
        { title: "Host", width: "minmax(120px, 1fr)", cell: (worker) => html`<bdi>${() => `${worker().host}, process ${worker().pid}`}</bdi>` },
        { title: "Slots", width: "150px", cell: (worker) => slots(worker) },
        { title: "Queues", width: "minmax(100px, 1fr)", cell: (worker) => html`<bdi>${() => worker().queues.join(", ")}</bdi>` },
        {
          title: "Handlers",
          width: "100px",
          isEnd: true,
          cell: (worker) => html`${() =>
              worker().refusal ? icon("failed", { title: "handlers of your own are not loaded" }) : null} <span class="number"
            title=${() => worker().handlers.join(", ")}>${() => worker().handlers.length}</span>`,
        },
        {
          title: "Up for",
          width: "110px",
          isEnd: true,
          cell: (worker) => html`<span class="number">${() => duration(now.value - (milliseconds(worker().started_at) ?? 0), { isTicking: true })}</span>`,
        },
        {
          title: "Last seen",
          width: "110px",
          isEnd: true,
          cell: (worker) => html`<time>${() => relative(milliseconds(worker().last_seen_at), now.value)}</time>`,
        },
      ],
    })}
    ${show(
      () => workers().some((/** @type {any} */ worker) => worker.blocked > 0),
      () => html`<div class="banner state-failed"><b>Slots are blocked by code that still runs after its attempt has ended:</b> ${() =>
          workers().flatMap((/** @type {any} */ worker) => worker.blocked_by).join(", ")}</div>`,
    )}
    ${hostsTable(workers)}
    <h2>Queues</h2>
    ${table({
      label: "Queues",
      rows: () => value.value?.queues ?? [],
      keyOf: (queue) => queue.queue,
      least: 560,
      height: "40vh",
      empty: () => show(isKnown, () => html`<div class="empty">No queue has been used yet.</div>`),
      columns: [
        { title: "Queue", width: "minmax(120px, 1fr)", cell: (queue) => html`<bdi class="strong">${() => queue().queue}</bdi>` },
        { title: "Waiting", width: "110px", isEnd: true, cell: (queue) => html`<span class="number">${() => queue().length - queue().pending}</span>` },
        { title: "With workers", width: "110px", isEnd: true, cell: (queue) => html`<span class="number">${() => queue().pending}</span>` },
        {
          title: "Oldest",
          width: "130px",
          isEnd: true,
          cell: (queue) => html`<time title=${() => moment(milliseconds(queue().oldest_at))}>${() =>
              relative(milliseconds(queue().oldest_at), now.value)}</time>`,
        },
        { title: "Workers", width: "110px", isEnd: true, cell: (queue) => html`<span class="number">${() => queue().consumers}</span>` },
      ],
    })}
    <h2>Redis</h2>
    <ul class="card stack">${each(
      () => value.value?.checks ?? [],
      ([name]) => name,
      (check) => html`<li class="row">${() => icon(check.value[1].ok ? "completed" : "failed", { title: check.value[1].level })}<span
          class="strong">${check.peek()[0].replaceAll("_", " ")}</span><bdi class="muted wrap">${() => check.value[1].detail}</bdi></li>`,
    )}</ul>`;
}

/** @param {() => any} worker */
function slots(worker) {
  const parts = () => {
    const { running, blocked, slots: all } = worker();
    return [
      { state: "running", count: running },
      { state: "failed", count: blocked },
      { state: "pending", count: Math.max(0, all - running - blocked) },
    ];
  };
  return html`<div class="row">${progressBar(parts, () => `${worker().running} of ${plural(worker().slots, "slot")} busy`)}
    <span class="number">${() => `${worker().running} of ${worker().slots}`}</span></div>`;
}

/** Checks of the store: they come with 503, too, when one of them fails. */
function readiness() {
  return api.get("/readyz", { verbose: true }).catch((error) => error.body ?? {});
}
