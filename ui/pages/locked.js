/** Stands in for every page while no session is open, so that nothing of an ended session stays. */
import { html } from "../core/view.js";
import { openKeyDialog } from "../parts/key_dialog.js";

export const title = "Sign in";

export function page() {
  openKeyDialog();
  return html`<div class="empty"><h1>This server requires an API key</h1>
    <p>Text that was not saved is restored after you sign in to the same tenant.</p>
    <button type="button" class="primary" onclick=${openKeyDialog}>Sign in…</button></div>`;
}
