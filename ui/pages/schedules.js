/** All schedules: when each started a run last, when it does next, and what was not started. */
import { everyPage } from "../core/every_page.js";
import { runsOfSchedule } from "../core/labels.js";
import { poll } from "../core/poll.js";
import { href, route, setQuery } from "../core/router.js";
import { listenToFeed, may } from "../core/session.js";
import { milliseconds, moment, now, relative } from "../core/time.js";
import { html, onDispose, show } from "../core/view.js";
import { problemList } from "../parts/problems.js";
import { table } from "../parts/table.js";
import { scheduleCard } from "./schedules/card.js";
import { newSchedule } from "./schedules/new_schedule.js";
import { ruleInWords } from "./schedules/rule.js";

export const title = "Schedules";

export function page() {
  const { value, error, again } = poll(() => everyPage("/v1/schedules"), 5_000);
  const chosen = () => route.value.query.schedule ?? null;
  const chosenOne = () => (value.value ?? []).find(({ name }) => name === chosen());
  onDispose(listenToFeed({}));
  return html`<div class="page-head"><h1>Schedules</h1>${show(() => may("admin"), () =>
      html`<button type="button" onclick=${() => newSchedule({ onDone: again })}>New schedule…</button>`)}</div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(() => chosenOne() !== undefined, () => scheduleCard(chosenOne, again, () => setQuery({ schedule: null })))}
    ${table({
      label: "Schedules",
      rows: () => value.value ?? [],
      keyOf: (schedule) => schedule.schedule_id,
      onOpen: (schedule) => setQuery({ schedule: schedule.name }),
      selected: () => chosenOne()?.schedule_id ?? null,
      least: 860,
      empty: () =>
        show(() => value.value !== null, () => html`<div
            class="empty"><p>There are no schedules yet.</p><p>Give a workflow a schedule here, or with <code>./headrace schedules add</code>.</p></div>`),
      columns: [
        { title: "State", width: "90px", cell: (each) => html`<span class=${() => `tag state-word ${each().state}`}>${() => each().state}</span>` },
        { title: "Name", width: "minmax(120px, 1fr)", cell: (each) => html`<bdi class="strong">${() => each().name}</bdi>` },
        {
          title: "Workflow",
          width: "minmax(120px, 1fr)",
          cell: (each) => html`<a href=${() => href(`/ui/workflows/${encodeURIComponent(each().workflow_id)}`)}><bdi>${() =>
              each().workflow ?? each().workflow_id}</bdi></a>`,
        },
        { title: "When", width: "minmax(140px, 1fr)", cell: (each) => html`<bdi>${() => ruleInWords(each().rule)}</bdi>` },
        {
          title: "Next",
          width: "130px",
          cell: (each) => html`<time title=${() => moment(milliseconds(each().next_due_at))}>${() =>
              relative(milliseconds(each().next_due_at), now.value)}</time>`,
        },
        {
          title: "Last",
          width: "130px",
          cell: (each) =>
            html`${() => (each().last_execution_id ? html`<a href=${href(`/ui/runs/${each().last_execution_id}`)}
                title=${moment(lastAt(each()))}>${relative(lastAt(each()), now.value)}</a>` : null)}`,
        },
        {
          title: "Runs",
          width: "70px",
          isEnd: true,
          cell: (each) => html`<a class="number" href=${() => runsOfSchedule(each().name)}
              title=${() => `${each().runs} by its rule, ${each().backfilled} by backfills, ${each().triggered} by hand`}>${() =>
              each().runs + each().backfilled + each().triggered}</a>`,
        },
        {
          title: "Not started",
          width: "90px",
          isEnd: true,
          cell: (each) => html`<span class="number" title=${() => `${each().skipped} skipped, ${each().missed} missed, ${each().failed} failed`}>${() =>
              each().skipped + each().missed + each().failed}</span>`,
        },
      ],
    })}`;
}

/**
 * When a schedule started a run last; records of older versions know only for which slot.
 * @param {any} schedule
 */
const lastAt = ({ last_started_at: at, last_slot: slot }) => milliseconds(at ?? slot);
