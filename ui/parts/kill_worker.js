/** In the demo: kill a worker, and see that nothing is lost. */
import { api } from "../core/api.js";
import { context } from "../core/session.js";
import { html, show } from "../core/view.js";
import { notify, notifyError } from "./notices.js";

export function killWorker() {
  const kill = () => {
    const killed = api.post("/demo/workers/kill");
    void killed.then(({ worker }) => notify(`Killed ${worker}: what it ran is taken over once its lease is over`), notifyError);
  };
  return show(
    () => context.value?.demo ?? false,
    () => html`<button type="button" class="danger" title="Of the demo: another worker takes over" onclick=${kill}>Kill a worker</button>`,
  );
}
