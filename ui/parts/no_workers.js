/** The warning that no worker is connected. */
import { html } from "../core/view.js";
import { icon } from "./icons.js";

export function noWorkers() {
  return html`<div class="banner state-retrying row" role="status">${icon("warning")}<span><b>Runs will wait: no worker is connected.</b>
    Start one: <code>python -m workers.worker</code>, or a whole stack: <code>./headrace dev</code></span></div>`;
}
