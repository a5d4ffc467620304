/** The dialog that shows a new key, once. */
import { html } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { openDialog } from "../../parts/dialog.js";

/** @param {{key: string}} issued */
export function showOnce({ key }) {
  const curl = `curl -s -H 'Authorization: Bearer ${key}' '${location.origin}/v1/executions'`;
  openDialog({
    title: "Your new key",
    isWide: true,
    body: () => html`<p><b>It is shown only once.</b> Copy it now; the server keeps only its hash.</p>
      <div class="row"><code class="wrap">${key}</code>${copyButton(() => key, "Copy the key")}</div>
      <h3>Try it</h3>
      <div class="row"><pre>${curl}</pre>${copyButton(() => curl, "Copy the command")}</div>`,
  });
}
