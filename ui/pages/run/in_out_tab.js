/** The inputs, the trigger and the output of a run. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { errorLine } from "../../core/format.js";
import { computed, html, show } from "../../core/view.js";
import { jsonTree } from "../../parts/json_tree.js";
import { loading } from "../../parts/lazy.js";
import { problemList } from "../../parts/problems.js";
import { runStatus } from "./unit.js";

/** @param {import("../run.js").RunView} view */
export function inOutTab({ live }) {
  const status = computed(() => runStatus(live));
  const { answer, error } = asked(
    () => status.value,
    async () => {
      const view = await api.get(live.path);
      if (view.output?.truncated === true && view.output.href) view.output = await api.get(view.output.href);
      return view;
    },
  );
  const found = () => /** @type {any} */ (answer.value);
  return show(
    () => answer.value !== null,
    () => html`<div class="stack">
      <section class="card stack"><h2>Inputs</h2>${jsonTree(() => found().inputs, { reference: "inputs", label: "Inputs" })}</section>
      ${show(() => found().trigger !== null, () =>
          html`<section class="card stack"><h2>Trigger</h2>${jsonTree(() => found().trigger, { reference: "trigger", label: "Trigger" })}</section>`)}
      <section class="card stack"><h2>Output</h2>
        ${show(() => found().output_error !== null, () => html`<p class="problem"><bdi>${() => errorLine(found().output_error)}</bdi></p>`)}
        ${show(
          () => found().output !== null,
          () => jsonTree(() => found().output, { label: "Output" }),
          () => html`<p class="muted">${() => outputMissing(found())}</p>`,
        )}</section>
    </div>`,
    () => show(() => error.value !== null, () => problemList(() => error.value), loading),
  );
}

/** Why there is no output. @param {any} view */
function outputMissing({ ended_at: end, output_error: error, status }) {
  if (end === null) return "No output yet: the run has not ended.";
  if (error !== null) return "The output could not be made of what the nodes gave: run again with another definition.";
  return status === "COMPLETED" ? "The definition declares no output; each node has its own." : "The run ended without an output.";
}
