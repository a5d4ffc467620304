/** Start a workflow: its inputs as a form or as JSON, or copied from an earlier run. */
import { ApiError, api } from "../../core/api.js";
import { shortId } from "../../core/format.js";
import { isObject } from "../../core/json.js";
import { poll } from "../../core/poll.js";
import { go } from "../../core/router.js";
import { may } from "../../core/session.js";
import { milliseconds, moment } from "../../core/time.js";
import { html, show, signal, untracked } from "../../core/view.js";
import { notifyError } from "../../parts/notices.js";
import { problemList } from "../../parts/problems.js";
import { inputsForm } from "../../parts/inputs_form.js";
import { pathOf } from "./path.js";

const EARLIER = 20;
const POLL_MS = 10_000;

/** @param {import("../workflow.js").WorkflowView} view */
export function launchTab({ workflow }) {
  const { name, definition } = workflow();
  const value = signal(/** @type {any} */ (undefined));
  const failure = signal(/** @type {ApiError | null} */ (null));
  const isBusy = signal(false);
  // Raised when the inputs are replaced as a whole: the form is built again.
  const round = signal(0);
  const labels = signal("");
  const key = signal("");
  const earlier = poll(() => api.get("/v1/executions", { workflow: name, limit: EARLIER }), POLL_MS);
  /** @type {() => string[]} */
  let problems = () => [];
  const form = () => {
    const made = inputsForm({ document: definition, value, errors: () => failure.value?.errors ?? [] });
    problems = made.problems;
    return made.element;
  };
  const copyFrom = async (/** @type {any} */ event) => {
    const id = event.target.value;
    if (id === "") return;
    try {
      const found = await api.get(`/v1/executions/${encodeURIComponent(id)}`);
      value.value = found.inputs ?? {};
      failure.value = null;
      round.value++;
    } catch (error) {
      notifyError(error);
    }
  };
  const empty = () => {
    value.value = undefined;
    failure.value = null;
    round.value++;
  };
  const start = async () => {
    if (isBusy.peek()) return;
    isBusy.value = true;
    try {
      const given = value.peek();
      const wrong = [...problems(), ...(given === undefined || isObject(given) ? [] : ["inputs must be an object"])];
      if (wrong.length > 0) throw new ApiError(0, { detail: "The inputs are not complete yet.", errors: wrong.map((message) => ({ message })) });
      const body = { inputs: given, labels: labelsOf(labels.peek()), execution_key: key.peek().trim() || undefined };
      const { execution_id: id } = await api.post(`${pathOf(name)}/executions`, body);
      go(`/ui/runs/${encodeURIComponent(id)}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure.value = error;
    } finally {
      isBusy.value = false;
    }
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void start();
  };
  return html`<section class="stack launch" onkeydown=${onKey}>
    <div class="row"><label>Copy inputs from an earlier run <select onchange=${copyFrom}><option value="">choose…</option>
        ${() => (earlier.value.value?.items ?? []).map((/** @type {any} */ run) =>
          html`<option value=${run.execution_id}>${runInWords(run)}</option>`)}</select></label>
      <button type="button" class="quiet" onclick=${empty}>Reset to the defaults</button></div>
    ${startType(definition)}
    <div class="card">${() => (void round.value, untracked(form))}</div>
    <details class="card"><summary>Labels and key</summary>
      <div class="field"><label for="launch-labels">Labels</label><span class="hint">name: value, separated by commas</span><input id="launch-labels"
          autocomplete="off" placeholder="team: blue" .value=${labels.peek()}
          oninput=${(/** @type {any} */ event) => (labels.value = event.target.value)}></div>
      <div class="field"><label for="launch-key">Key</label><span
          class="hint">your own name for this run, such as order-4711; no other run can have it until this one has ended</span><input id="launch-key"
          autocomplete="off" maxlength="256" .value=${key.peek()} oninput=${(/** @type {any} */ event) => (key.value = event.target.value)}></div></details>
    ${show(() => failure.value !== null, () => problemList(() => failure.value))}
    ${show(
      () => may("run"),
      () => html`<div class="row"><button type="button" class="primary" disabled=${() => isBusy.value || !workflow().is_active} onclick=${start}>Run</button>
        <span class="muted">${() => (workflow().is_active ? "or Ctrl + Enter" : "It is paused: resume it first.")}</span></div>`,
      () => html`<p class="muted">Your key can read, but not start runs.</p>`,
    )}
  </section>`;
}

/** @param {any} run */
const runInWords = (run) => `${moment(milliseconds(run.created_at)).slice(0, 19)}  ${run.status.toLowerCase()}  ${shortId(run.execution_id)}`;

/** What the interface says of the start. @param {any} definition */
function startType(definition) {
  const start = definition.interface?.start;
  if (!start) return null;
  const types = [start.qualified_name, ...(start.types ?? [])].filter(Boolean).join(", ");
  return html`<p>Starts with <code>${start.name ?? "StartEvent"}</code>${types ? html` <span
      class="muted">(${types})</span>` : null}, whose fields are the inputs.</p>`;
}

/** @param {string} text */
function labelsOf(text) {
  const pairs = text.split(",").filter((each) => each.trim() !== "");
  if (pairs.length === 0) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^\s*([^:]+?)\s*:\s*(.*?)\s*$/.exec(pair) ?? [];
      if (!name) throw new ApiError(0, { detail: `a label is written as name: value; found ${pair.trim()}` });
      return [name, value];
    }),
  );
}
