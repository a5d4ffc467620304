/** The head of a run: what it is, how it stands, and what can be done with it. */
import { isReachable } from "../../core/api.js";
import { cost, number, plural, shortId } from "../../core/format.js";
import { runsWith } from "../../core/labels.js";
import { href, hrefOf } from "../../core/router.js";
import { once } from "../../core/once.js";
import { may } from "../../core/session.js";
import { isOver } from "../../core/statuses.js";
import { milliseconds, moment, took } from "../../core/time.js";
import { html, show } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { killWorker } from "../../parts/kill_worker.js";
import { notifyError } from "../../parts/notices.js";
import { statusChip } from "../../parts/status.js";

/** @param {import("../../core/live_run.js").LiveRun} live */
export function runHeader(live) {
  const execution = () => (void live.head.value, live.run?.execution ?? {});
  const status = () => execution().status ?? "PENDING";
  const isOpen = () => !isOver(status());
  // A stream stays open while the store behind the server is away; nothing comes by it then.
  const connection = () => (isReachable.value ? live.connection.value : "reconnecting");
  /** @typedef {"cancelRun" | "pauseRun" | "replayRun" | "resumeRun" | "retryRun" | "sendSignal" | "shareRun" | "showChildren"} Action */
  // Dialogs are loaded when the first one is opened.
  const act = once((/** @type {Action} */ name) => import("./actions.js").then((actions) => actions[name](live), notifyError));
  return html`<header class="stack run-head">
    <div class="page-head">
      <h1><bdi>${() => execution().name}</bdi></h1>
      ${() => workflowOf(execution())}
      <span class="chip-large">${statusChip(() => (execution().cancelling && isOpen() ? "cancelled" : status().toLowerCase()))}</span>
      <span class="number" title=${() => `started ${moment(milliseconds(execution().started_at))}`}>${() => took(execution()) || "not started"}</span>
      ${show(() => execution().cancelling && isOpen(), () => html`<span class="muted">cancelling</span>`)}
      <span class=${() => `connection ${connection()}`}>${connection}</span>
    </div>
    <div class="row muted">
      <span class="mono wrap">${() => execution().execution_id}</span>${copyButton(() => live.id, "Copy the id")}
      ${() => factsOf(execution(), () => void act("showChildren"))}
    </div>
    ${() => pausedOf(execution())}
    ${show(
      () => may("run"),
      () => html`<div class="row" role="toolbar" aria-label="Actions">
        ${show(() => isOpen() && !execution().cancelling, () => html`<button type="button" onclick=${() => act("cancelRun")}>Cancel…</button>`)}
        ${show(() => status() === "RUNNING", () => html`<button type="button" onclick=${() => act("pauseRun")}>Pause</button>`)}
        ${show(() => status() === "PAUSED", () => html`<button type="button" class="primary" onclick=${() => act("resumeRun")}>Resume</button>`)}
        ${show(
          () => (status() === "FAILED" || status() === "CANCELLED") && execution().parent === null,
          () => html`<button type="button" class="primary" onclick=${() => act("retryRun")}>Retry failed…</button>`,
        )}
        ${show(isOpen, () => html`<button type="button" onclick=${() => act("sendSignal")}>Send signal…</button>`)}
        <button type="button" onclick=${() => act("replayRun")}>Run again…</button>
        <a class="button" href=${() => href(hrefOf("/ui/edit", { run: live.id }))}>Rerun with changes</a>
        <button type="button" onclick=${() => act("shareRun")}>Copy as…</button>
        ${show(isOpen, killWorker)}
      </div>`,
      () => html`<div class="row"><button type="button" onclick=${() => act("shareRun")}>Copy as…</button></div>`,
    )}
  </header>`;
}

/** @param {any} execution */
function workflowOf(execution) {
  if (!execution.workflow_id) return html`<span class="mono muted">@${(execution.version ?? "").slice(0, 7)}</span>`;
  const path = `/ui/workflows/${encodeURIComponent(execution.workflow_id)}`;
  return html`<a href=${href(path)}>version ${execution.workflow_version}</a>`;
}

/** @param {any} execution @param {() => void} onChildren */
function factsOf(execution, onChildren) {
  const { usage } = execution;
  const tokens = usage ? usage.input + usage.output + usage.cache_read + usage.cache_write : 0;
  return [
    execution.execution_key && html`<span>key <bdi class="mono">${execution.execution_key}</bdi></span>`,
    execution.generation > 1 && html`<span>retried ${plural(execution.generation - 1, "time")}</span>`,
    usage?.calls > 0 && html`<span>${plural(usage.calls, "model call")}, ${number(tokens)} tokens ${cost(execution.cost_usd)}</span>`,
    execution.deadline_at && !execution.ended_at && html`<span>must end by ${moment(milliseconds(execution.deadline_at))}</span>`,
    execution.parent && html`<span>child of ${linkTo(execution.parent.execution_id)}, node <bdi>${execution.parent.node_id}</bdi></span>`,
    execution.replay_of && html`<span>repeats ${linkTo(execution.replay_of)}</span>`,
    execution.forked_from && html`<span>forked from ${linkTo(execution.forked_from)}</span>`,
    execution.children > 0 && html`<button type="button" class="as-link"
        onclick=${onChildren}>${plural(execution.children, "child", "children")}</button>`,
    ...Object.entries(execution.labels ?? {}).map(([name, value]) => html`<a class="tag"
        href=${runsWith(name, value)}><bdi>${name}: ${value}</bdi></a>`),
  ];
}

/** @param {any} execution */
function pausedOf({ status, paused }) {
  if (status !== "PAUSED" || !paused) return null;
  const by = paused.by ? html`<bdi class="strong">${paused.by}</bdi>` : "a retry policy";
  const reason = paused.reason ? html`: <bdi>${paused.reason}</bdi>` : "";
  return html`<div class="banner state-waiting">Paused by ${by} since ${moment(milliseconds(paused.since))}${reason}.
    Running nodes finish; no other node starts.</div>`;
}

/** @param {string} id */
function linkTo(id) {
  return html`<a class="mono" href=${href(`/ui/runs/${encodeURIComponent(id)}`)}>${shortId(id)}</a>`;
}
