/** Run the edited text again: all of it, or as a fork, whose plan is shown first. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { plural } from "../../core/format.js";
import { href } from "../../core/router.js";
import { computed, html, show, signal } from "../../core/view.js";
import { icon } from "../../parts/icons.js";
import { problemList } from "../../parts/problems.js";
import { nodeList } from "../../parts/node_list.js";

/**
 * @typedef {object} Again
 * @property {import("../../core/view.js").Signal<boolean>} isFork
 * @property {import("../../core/view.js").Signal<string | null>} node  that runs again whatever has changed
 * @property {import("../../core/asked.js").Asked<any>} preview  which nodes run, are reused, and are skipped
 * @property {() => Promise<string>} start  gives the id of the new run; raises ApiError
 */

/**
 * @param {import("./subject.js").Subject} subject
 * @param {import("./draft.js").Draft} draft
 * @param {import("./checking.js").Checking} found
 * @param {import("../../core/view.js").Signal<any>} inputs
 * @returns {Again}
 */
export function newAgain(subject, draft, found, inputs) {
  const path = `/v1/executions/${encodeURIComponent(subject.id)}`;
  const isFork = signal(subject.node !== null);
  const node = signal(subject.node);
  const isChanged = () => draft.text.value !== subject.text;
  const given = () => (inputs.value === undefined ? {} : { inputs: inputs.value, merge: false });
  const change = () => ({
    ...(node.value === null ? {} : { from_node: node.value }),
    ...(isChanged() ? { definition: draft.text.value } : {}),
    ...(JSON.stringify(inputs.value) === JSON.stringify(subject.inputs) ? {} : given()),
  });
  const isReady = computed(() => found.checked.value?.isValid === true && found.checked.value.text === draft.text.value);
  const wanted = computed(() => (isFork.value && isReady.value ? JSON.stringify(change()) : null));
  const preview = asked(
    () => wanted.value,
    () => api.post(`${path}/fork`, { ...change(), preview: true }),
  );
  async function start() {
    if (isFork.peek()) return (await api.post(`${path}/fork`, change())).execution_id;
    if (!isChanged()) return (await api.post(`${path}/replay`, given())).execution_id;
    const trigger = { ...subject.trigger, source: "replay" };
    const body = { definition: draft.text.peek(), inputs: inputs.peek() ?? null, trigger, labels: subject.labels };
    return (await api.post("/v1/executions", body)).execution_id;
  }
  return { isFork, node, preview, start };
}

/** @param {import("./subject.js").Subject} subject @param {Again} again */
export function againPanel(subject, { isFork, node, preview }) {
  const radio = (/** @type {boolean} */ value, /** @type {string} */ label) =>
    html`<label><input type="radio" name="again" .checked=${() => isFork.value === value} onchange=${() => (isFork.value = value)}>${label}</label>`;
  return html`<div class="stack">
    <p>This starts a new run; <a href=${href(`/ui/runs/${encodeURIComponent(subject.id)}`)}>the original run</a> does not change.</p>
    <fieldset class="choices"><legend class="visually-hidden">How it runs again</legend>${radio(false, "Run again from the start")}
      ${radio(true, "Fork: reuse what the change does not affect")}</fieldset>
    ${show(
      () => isFork.value,
      () => html`
        ${() =>
          node.value === null
            ? null
            : html`<p class="row">From <span class="tag"><bdi>${node.value}</bdi></span> on, changed or not <button type="button" class="quiet icon-only"
                aria-label="Not from this node: only what has changed" title="Only what has changed"
                onclick=${() => (node.value = null)}>${icon("close")}</button></p>`}
        ${show(() => preview.error.value !== null, () => problemList(() => preview.error.value))}
        ${() => (preview.answer.value === null ? null : planView(preview.answer.value))}`,
    )}
  </div>`;
}

/** @param {any} plan */
function planView({ nodes, reused, skipped }) {
  const part = (/** @type {string} */ title, /** @type {string[]} */ ids) => (ids.length === 0 ? null : html`<section class="stack"
      aria-label=${title}><h3>${`${title}: ${plural(ids.length, "node")}`}</h3>${nodeList(ids)}</section>`);
  return html`<div class="stack" role="group" aria-label="What will run">
    ${nodes.length === 0
      ? html`<p class="banner">Nothing would run again: nothing has changed, and every node has completed.</p>`
      : part("Will run again", nodes)}
    ${part("Reused, with their outputs", reused)} ${part("Skipped", skipped)}</div>`;
}

/** How nodes are drawn before a fork. @param {any} preview  the server's answer @returns {Map<string, import("../../graph/document_graph.js").Shown>} */
export function forkedStates({ nodes, reused, skipped }) {
  return new Map([
    ...nodes.map((/** @type {string} */ id) => [id, { state: "queued", detail: "will run" }]),
    ...reused.map((/** @type {string} */ id) => [id, { state: "completed", detail: "reused" }]),
    ...skipped.map((/** @type {string} */ id) => [id, { state: "skipped", detail: "skipped" }]),
  ]);
}
