/** The editor: the text at the left; its graph, its inputs and what can be done with it at the right. */
import { ApiError, api } from "../../core/api.js";
import { go, href } from "../../core/router.js";
import { may } from "../../core/session.js";
import { computed, effect, html, show, signal } from "../../core/view.js";
import { codeEditor } from "../../parts/code_editor.js";
import { lazy } from "../../parts/lazy.js";
import { notifyError } from "../../parts/notices.js";
import { problemList } from "../../parts/problems.js";
import { tabs } from "../../parts/tabs.js";
import { checking, inputErrors } from "./checking.js";
import { draftOf } from "./draft.js";
import { findings } from "./findings.js";
import { newSimulation } from "./simulation.js";

const FINDINGS_ID = "edit-findings";

/** @param {import("./subject.js").Subject} subject @param {typeof import("./again.js") | null} ofRuns  null for what is no run */
export function editor(subject, ofRuns) {
  const isRun = ofRuns !== null;
  const draft = draftOf(subject);
  const found = checking(draft.text);
  const inputs = signal(subject.inputs);
  const name = signal(subject.kind === "workflow" ? subject.id : "");
  const failure = signal(/** @type {any} */ (null));
  const isBusy = signal(false);
  const chosen = signal(isRun ? "again" : "inputs");
  const simulation = newSimulation();
  const again = ofRuns ? ofRuns.newAgain(subject, draft, found, inputs) : null;
  const code = codeEditor({ text: draft.text, marks: () => marksOf(found.checked.value), label: "Definition", describedBy: FINDINGS_ID });
  const states = computed(() => statesOf(draft, simulation, ofRuns, again, chosen.value));

  /** Do something with a text that is valid, and show what the server refuses. @param {() => Promise<unknown>} work */
  const act = async (work) => {
    if (isBusy.peek()) return;
    isBusy.value = true;
    failure.value = null;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure.value = error;
      if (inputErrors(error).length > 0) chosen.value = "inputs";
    } finally {
      isBusy.value = false;
    }
  };
  // What was refused was another text, or other inputs.
  effect(() => {
    void [draft.text.value, inputs.value];
    failure.value = null;
  });
  const open = (/** @type {string} */ id) => {
    draft.letGo();
    go(`/ui/runs/${encodeURIComponent(id)}`);
  };
  const runOnce = () =>
    act(async () => {
      const body = { definition: draft.text.peek(), inputs: inputs.peek() ?? null, trigger: true };
      open((await api.post("/v1/executions", body)).execution_id);
    });
  const simulate = () =>
    lazy(
      () => import("./simulation_panel.js"),
      ({ simulationPanel }) => simulationPanel(simulation, () => draft.text.value, () => inputs.peek()),
    );
  const runAgain = () => act(async () => open(await /** @type {import("./again.js").Again} */ (again).start()));
  const saveIt = () => act(() => import("./save.js").then(({ save }) => save(name, draft, found.document.peek()), notifyError));
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.key === "Enter") void (again ? runAgain() : runOnce());
    else if (event.key === "s" && may("admin")) void saveIt();
    else return;
    event.preventDefault();
  };
  const run = again
    ? html`<button type="button" class="primary" disabled=${() => isBusy.value}
        onclick=${runAgain}>${() => (again.isFork.value ? "Fork" : "Run again")}</button>`
    : html`<button type="button" class="primary" disabled=${() => isBusy.value} onclick=${runOnce}>Run once</button>`;
  const graph = lazy(
    () => import("../../graph/document_view.js"),
    ({ documentGraph }) =>
      documentGraph({
        document: () => found.document.value,
        states: () => states.value?.states ?? null,
        onSelect: (id) => jumpToNode(draft.text.peek(), id, code.jumpTo),
      }),
  );
  return html`<div class="stack" onkeydown=${onKey}>
    <div class="page-head"><h1>${() => (name.value ? html`Edit <a
        href=${href(`/ui/workflows/${encodeURIComponent(name.value)}`)}><bdi>${name.value}</bdi></a>` : html`<bdi>${subject.heading}</bdi>`)}</h1>
      <span class="muted" role="status">${() => (draft.isChanged.value ? (isRun ? "changed" : "not saved") : "")}</span>
      <div class="row head-actions">
        ${show(() => may("admin"), () => html`<button type="button" disabled=${() => isBusy.value}
            onclick=${saveIt}>${() => (name.value ? "Save" : "Save as workflow…")}</button>`)}
        ${show(() => may("run"), () => run)}
      </div></div>
    ${show(() => subject.note !== "", () => html`<p class="banner">${subject.note}</p>`)}
    ${show(() => draft.isFound.value, () => leftHere(draft))}
    ${show(() => failure.value !== null, () => problemList(() => failure.value))}
    <div class="edit-columns">
      <div class="edit-text">
        ${code.element}
        <div class="stack-tight">${findings(found, () => draft.text.value, code.jumpTo, FINDINGS_ID)}
          <p class="muted">Tab indents; Esc, then Tab leaves the text. Ctrl + Enter runs it${show(() => may("admin"), () => ", Ctrl + S saves it")}.</p></div>
      </div>
      <div class="edit-side stack">
        ${graph}
        <p class="muted" role="status">${() => graphNote(found, draft, states.value)}</p>
        ${tabs({
          label: "Editor",
          chosen: () => chosen.value,
          onChoose: (key) => (chosen.value = key),
          tabs: [
            ...(ofRuns && again ? [{ key: "again", title: "Run again", content: () => ofRuns.againPanel(subject, again) }] : []),
            { key: "inputs", title: "Inputs", content: () => lazy(() => import("./inputs_panel.js"), ({ inputsPanel }) =>
                inputsPanel(found, inputs, failure)) },
            ...(may("run") ? [{ key: "simulate", title: "Simulate", content: simulate }] : []),
          ],
        })}
      </div>
    </div></div>`;
}

/** What was written here before, and is not saved. @param {import("./draft.js").Draft} draft */
function leftHere(draft) {
  const discard = () => {
    draft.text.value = draft.saved.peek();
    draft.isFound.value = false;
  };
  return html`<p class="banner row">Your unsaved text from before is shown. <button type="button" onclick=${discard}>Discard it</button></p>`;
}

/** @param {import("./checking.js").Checked | null} checked */
function marksOf(checked) {
  if (checked === null) return [];
  const marked = (/** @type {boolean} */ isError) => (/** @type {import("./checking.js").Finding} */ { line }) => ({ line: line ?? 1, isError });
  return [...checked.errors.map(marked(true)), ...checked.warnings.map(marked(false))];
}

/**
 * How the nodes of the graph are drawn: as they were simulated, or as a fork would leave them.
 * @param {import("./draft.js").Draft} draft @param {import("./simulation.js").Simulation} simulation
 * @param {typeof import("./again.js") | null} ofRuns @param {import("./again.js").Again | null} again @param {string} tab
 */
function statesOf(draft, { report }, ofRuns, again, tab) {
  const plan = again?.isFork.value && tab !== "simulate" ? again.preview.answer.value : null;
  if (plan && ofRuns) return { states: ofRuns.forkedStates(plan), note: "As the fork would run it." };
  if (report.value?.text === draft.text.value) return { states: report.value.states, note: "As it was simulated." };
  return null;
}

/** @param {import("./checking.js").Checking} found @param {import("./draft.js").Draft} draft @param {{note: string} | null} states */
function graphNote({ checked, document }, { text }, states) {
  if (checked.value === null || (checked.value.isValid && checked.value.text === text.value)) return states?.note ?? "";
  if (checked.value.isValid) return "";
  return document.value === null ? "The graph appears once the text is valid." : "The text is not valid; the graph shows the last valid one.";
}

/** Show where the text has a node. @param {string} text @param {string} id @param {(line: number) => void} jumpTo */
function jumpToNode(text, id, jumpTo) {
  const escaped = id.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`(?:^|[\\s{,-])["']?id["']?\\s*:\\s*["']?${escaped}["']?\\s*(?:[,}#]|$)`);
  const at = text.split("\n").findIndex((line) => pattern.test(line));
  if (at >= 0) jumpTo(at + 1);
}
