/** In place of every page while the server asks for a key: nothing of a session that has ended stays. */
import { html } from "../core/view.js";
import { openKeyDialog } from "../parts/key_dialog.js";

export const title = "Key";

export function page() {
  return html`<div class="empty"><h1>This server asks for a key</h1>
    <p>What was written and not saved comes back with the page.</p>
    <button type="button" class="primary" onclick=${openKeyDialog}>Enter a key…</button></div>`;
}
