/** One schedule: its next times, what was not started and why, and what can be done with it. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { plural } from "../../core/format.js";
import { runsOfSchedule } from "../../core/labels.js";
import { once } from "../../core/once.js";
import { go, href } from "../../core/router.js";
import { may } from "../../core/session.js";
import { milliseconds, moment, now, relative } from "../../core/time.js";
import { computed, html, show } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { icon } from "../../parts/icons.js";
import { jsonTree } from "../../parts/json_tree.js";
import { notify, notifyError } from "../../parts/notices.js";
import { problemList } from "../../parts/problems.js";
import { ruleInWords } from "./rule.js";

const SHOWN = 10;

/** @param {() => any} schedule @param {() => Promise<void>} again @param {(() => void) | null} [close]  null: it cannot be closed */
export function scheduleCard(schedule, again, close = null) {
  const name = computed(() => schedule()?.name);
  const next = computed(() => (name.value ? `${name.value} ${schedule().next_slot}` : null));
  const { answer, error } = asked(
    () => next.value,
    async () => (await api.get(`/v1/schedules/${encodeURIComponent(name.peek())}/next`, { count: SHOWN })).items,
  );
  /** @param {string} verb @param {any} [body] */
  const call = (verb, body) => api.post(`/v1/schedules/${encodeURIComponent(schedule().name)}/${verb}`, body);
  const act = once((/** @type {string} */ verb, /** @type {any} */ body) => call(verb, body).then(again, notifyError));
  const start = once(() =>
    call("trigger").then((started) => {
      notify("Started");
      go(`/ui/runs/${started.execution_id}`);
    }, notifyError),
  );
  const counted = () => {
    const { skipped, missed, failed } = schedule() ?? {};
    return [
      skipped && `${plural(skipped, "slot")} skipped because an earlier run had not ended`,
      missed && `${plural(missed, "slot")} missed`,
      failed && `${plural(failed, "slot")} failed to start`,
    ]
      .filter(Boolean)
      .join("; ");
  };
  return html`<section class="card stack" aria-label=${() => `Schedule ${name.value}`}>
    <div class="row spread"><h2><bdi>${() => name.value}</bdi></h2>${close && html`<button type="button" class="quiet icon-only" aria-label="Close"
        onclick=${close}>${icon("close")}</button>`}</div>
    <p><bdi>${() => ruleInWords(schedule()?.rule ?? {})}</bdi>, starts <a
        href=${() => href(`/ui/workflows/${encodeURIComponent(schedule()?.workflow_id)}`)}><bdi>${() => schedule()?.workflow}</bdi></a>; <a href=${() => runsOfSchedule(name.value)}>its runs</a></p>
    ${show(() => schedule()?.state === "paused", () => html`<p class="banner">${() => pausedInWords(schedule())}</p>`)}
    ${show(() => schedule()?.state === "asleep", () => html`<p class="banner">Asleep: its workflow is paused.</p>`)}
    ${show(() => Boolean(schedule()?.last_error), () => html`<p class="problem"><bdi>${() => schedule()?.last_error}</bdi></p>`)}
    ${show(() => counted() !== "", () => html`<p class="muted">${counted}</p>`)}
    ${show(
      () => may("run"),
      () => html`<div class="row">
        <button type="button" onclick=${start}>Start now</button>
        ${show(() => may("admin") && schedule()?.state === "paused", () => html`<button type="button" class="primary"
            onclick=${() => act("resume", undefined)}>Resume</button>`)}
        ${show(() => may("admin") && schedule()?.state === "active", () =>
            html`<button type="button" onclick=${() => act("pause", { reason: "from the page" })}>Pause</button>`)}
        ${show(() => may("admin") && !schedule()?.is_declared, () => html`<button type="button" onclick=${remove}>Remove…</button>`)}
        ${show(() => schedule()?.is_declared, () => html`<span class="muted">Declared in the definition of its workflow: change it there.</span>`)}
      </div>`,
    )}
    <h3>Next times</h3>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    <ol class="columns-2">${() => (answer.value ?? []).map((/** @type {any} */ { slot, due_at: due }) => html`<li><time
        >${moment(milliseconds(due))}</time> <span
        class="muted">${() => relative(milliseconds(due), now.value)}${slot === due ? "" : `, for ${slot}`}</span></li>`)}</ol>
    ${show(() => schedule()?.rule.inputs !== undefined, () => html`<h3>Inputs</h3>${jsonTree(() => schedule()?.rule.inputs, { label: "Inputs" })}`)}
  </section>`;

  function remove() {
    openDialog({
      title: `Remove the schedule ${schedule().name}?`,
      body: () => html`<p>It starts no more runs. Runs in progress continue.</p>`,
      actions: [
        {
          label: "Remove",
          look: "danger",
          run: async () => {
            await api.delete(`/v1/schedules/${encodeURIComponent(schedule().name)}`);
            close?.();
            await again();
          },
        },
      ],
    });
  }
}

/** @param {any} schedule  undefined once it is removed */
function pausedInWords(schedule) {
  return `Paused${schedule?.paused_by ? ` by ${schedule.paused_by}` : ""}${schedule?.paused_reason ? `: ${schedule.paused_reason}` : ""}.`;
}
