/** A button of the demo that kills a worker, to show that nothing is lost. */
import { api } from "../core/api.js";
import { once } from "../core/once.js";
import { context, isOperator } from "../core/session.js";
import { html, show } from "../core/view.js";
import { notify, notifyError } from "./notices.js";

export function killWorker() {
  const kill = once(() =>
    api
      .post("/demo/workers/kill")
      .then(({ worker }) => notify(`Killed ${worker}; another worker takes over what it ran when its lease expires`), notifyError),
  );
  return show(
    () => context.value?.demo && isOperator(),
    () => html`<button type="button" class="danger" title="For the demo: another worker takes over what it runs" onclick=${kill}>Kill a worker</button>`,
  );
}
