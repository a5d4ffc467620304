/** The dialog for a new schedule, with a preview of its next times. */
import { api } from "../../core/api.js";
import { everyPage } from "../../core/every_page.js";
import { asked } from "../../core/asked.js";
import { settled } from "../../core/settled.js";
import { milliseconds, moment } from "../../core/time.js";
import { each, html, show, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { jsonField } from "../../parts/json_field.js";
import { problemList } from "../../parts/problems.js";

const SHOWN = 10;
const OVERLAP = ["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"];

/** @param {{workflow?: string, onDone: () => unknown}} options */
export function newSchedule({ workflow = "", onDone }) {
  /** @type {Record<string, string>} */
  const given = { workflow, name: "", when: "0 8 * * 1-5", timezone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", overlap_policy: "skip" };
  const inputs = signal(/** @type {any} */ (undefined));
  const inputsField = jsonField({ value: inputs, label: "Inputs" });
  const names = signal(/** @type {string[]} */ ([]));
  if (!workflow) void everyPage("/v1/workflows").then((found) => (names.value = found.map(({ name }) => name)), () => {});
  const rule = () => {
    const when = given.when.trim();
    const isCron = when.startsWith("@") || /\s/.test(when);
    return {
      ...(isCron ? { cron: when, timezone: given.timezone.trim() } : { every: when }),
      overlap_policy: given.overlap_policy,
      ...(inputs.peek() === undefined ? {} : { inputs: inputs.peek() }),
    };
  };
  const text = signal(JSON.stringify(rule()));
  /** @param {string} key */
  const keep = (key) => (/** @type {any} */ event) => {
    given[key] = event.target.value;
    text.value = JSON.stringify(rule());
  };
  /** @param {string} key @param {string} label @param {string} hint @param {any} [control] */
  const field = (key, label, hint, control) =>
    html`<div class="field"><label for=${`schedule-${key}`}>${label}</label>${hint ? html`<span class="hint">${hint}</span>` : null}
      ${control ?? html`<input id=${`schedule-${key}`} spellcheck="false" .value=${given[key]} oninput=${keep(key)}>`}</div>`;
  openDialog({
    title: "New schedule",
    isWide: true,
    body: () => html`<div class="columns-2"><div>
        ${workflow ? html`<p>Starts <b><bdi>${workflow}</bdi></b></p>` : field("workflow", "Workflow", "", html`<input id="schedule-workflow"
            list="schedule-workflows" oninput=${keep("workflow")}>`)}
        <datalist id="schedule-workflows">${() => names.value.map((name) => html`<option value=${name}></option>`)}</datalist>
        ${field("name", "Name", "1 to 64 of a–z, 0–9 and -; empty: the workflow's name")}
        ${field("when", "When", "a cron expression of five fields, @daily, or an interval: 10s, 5m, 1h")}
        ${field("timezone", "Time zone", "for cron expressions")}
        ${field("overlap_policy", "While an earlier run has not ended", "", html`<select id="schedule-overlap_policy"
            onchange=${keep("overlap_policy")}>${OVERLAP.map((each) => html`<option value=${each}>${each.replaceAll("_", " ")}</option>`)}</select>`)}
        ${inputsField.element}
      </div>${preview(text)}</div>`,
    actions: [
      {
        label: "Create schedule",
        look: "primary",
        isDisabled: () => inputsField.problems().length > 0,
        run: async () => {
          await api.post("/v1/schedules", { workflow: given.workflow.trim(), ...(given.name.trim() ? { name: given.name.trim() } : {}), ...rule() });
          await onDone();
        },
      },
    ],
  });
}

/** When a schedule would start runs. @param {import("../../core/view.js").Signal<string>} text  its rule, as JSON */
function preview(text) {
  const written = settled(() => text.value);
  const { answer, error } = asked(
    () => written.value,
    async () => (await api.post("/v1/schedules/preview", { ...JSON.parse(written.peek()), count: SHOWN })).items,
  );
  const slots = () => (error.value === null ? (answer.value ?? []).map((/** @type {any} */ item) => item.due_at) : []);
  return html`<div class="stack"><h3>It would start at</h3>
    <ol>${each(slots, (slot) => slot, (slot) => html`<li><time>${() => moment(milliseconds(slot.value))}</time></li>`)}</ol>
    ${show(() => error.value !== null, () => problemList(() => error.value))}</div>`;
}
