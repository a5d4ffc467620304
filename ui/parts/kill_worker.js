/** A button of the demo that kills a worker, to show that nothing is lost. */
import { api } from "../core/api.js";
import { once } from "../core/once.js";
import { context, isOperator } from "../core/session.js";
import { html, show } from "../core/view.js";
import { notify, notifyError } from "./notices.js";

export function killWorker() {
  const kill = once(() =>
    api.post("/demo/workers/kill").then(({ worker }) => notify(`Killed ${worker}: what it ran is taken over once its lease is over`), notifyError),
  );
  return show(
    () => context.value?.demo && isOperator(),
    () => html`<button type="button" class="danger" title="Of the demo: another worker takes over" onclick=${kill}>Kill a worker</button>`,
  );
}
