/** The schedules of a workflow, each with its next times. */
import { everyPage } from "../../core/every_page.js";
import { poll } from "../../core/poll.js";
import { may } from "../../core/session.js";
import { computed, each, html, show } from "../../core/view.js";
import { problemList } from "../../parts/problems.js";
import { scheduleCard } from "../schedules/card.js";
import { newSchedule } from "../schedules/new_schedule.js";

/** @param {import("../workflow.js").WorkflowView} view */
export function schedulesTab({ workflow }) {
  const { name } = workflow();
  const { value, error, again } = poll(() => everyPage("/v1/schedules", { workflow: name }), 5_000);
  const ids = computed(() => (value.value ?? []).map((schedule) => schedule.schedule_id));
  const find = (/** @type {string | number} */ id) => () => (value.value ?? []).find((schedule) => schedule.schedule_id === id);
  return html`<section class="stack">
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(
      () => may("admin"),
      () => html`<p><button type="button" onclick=${() => newSchedule({ workflow: name, onDone: again })}>New schedule…</button></p>`,
    )}
    ${each(() => ids.value, (id) => id, (_, id) => scheduleCard(find(id), again))}
    ${show(
      () => value.value !== null && ids.value.length === 0,
      () => html`<div class="empty"><p>It has no schedule yet.</p>
        <p>A schedule is a cron expression, such as <code>0 8 * * 1-5</code>, or an interval, such as <code>15m</code>.</p></div>`,
    )}
  </section>`;
}
