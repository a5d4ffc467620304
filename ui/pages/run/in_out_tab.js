/** The inputs, the trigger and the output of a run. */
import { api } from "../../core/api.js";
import { errorLine } from "../../core/format.js";
import { effect, html, show, signal } from "../../core/view.js";
import { jsonTree } from "../../parts/json_tree.js";
import { loading } from "../../parts/lazy.js";
import { notifyError } from "../../parts/notices.js";

/** @param {import("../run.js").RunView} view */
export function inOutTab({ live }) {
  const found = signal(/** @type {any} */ (null));
  let status = "";
  effect(() => {
    void live.head.value;
    const now = live.run?.execution.status;
    if (now === status) return;
    status = now;
    void read();
  });
  async function read() {
    try {
      const view = await api.get(live.path);
      if (view.output?.truncated === true && view.output.href) view.output = await api.get(view.output.href);
      found.value = view;
    } catch (error) {
      notifyError(error);
    }
  }
  return show(
    () => found.value !== null,
    () => html`<div class="stack">
      <section class="card stack"><h2>Inputs</h2>${jsonTree(() => found.value.inputs, { reference: "inputs", label: "Inputs" })}</section>
      ${show(() => found.value.trigger !== null, () =>
          html`<section class="card stack"><h2>Trigger</h2>${jsonTree(() => found.value.trigger, { reference: "trigger", label: "Trigger" })}</section>`)}
      <section class="card stack"><h2>Output</h2>
        ${show(() => found.value.output_error !== null, () => html`<p class="problem"><bdi>${() => errorLine(found.value.output_error)}</bdi></p>`)}
        ${show(
          () => found.value.output !== null,
          () => jsonTree(() => found.value.output, { label: "Output" }),
          () => html`<p class="muted">${() =>
            outputMissing(found.value)}</p>`,
        )}</section>
    </div>`,
    loading,
  );
}

/** Why there is no output. @param {any} view */
function outputMissing({ ended_at: end, output_error: error, status }) {
  if (end === null) return "No output yet: the run has not ended.";
  if (error !== null) return "The output could not be made of what the nodes gave: run again with another definition.";
  return status === "COMPLETED" ? "The definition declares no output; each node has its own." : "The run ended without an output.";
}
