/** The dialog that shows a new webhook secret, once. */
import { href } from "../../core/router.js";
import { html } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { openDialog } from "../../parts/dialog.js";

/** @param {string} url  of the webhook @param {string} secret */
export function showSecret(url, secret) {
  openDialog({
    title: "Your new secret",
    body: () => html`<p><b>It is shown only once</b>, and can be replaced but not read again. The sender that delivers to
        <code class="wrap">${`${location.origin}${href(url)}`}</code> needs it.</p>
      <pre class="card">${secret}</pre><p>${copyButton(() => secret, "Copy the secret", { hasText: true })}</p>`,
    closeLabel: "I have it",
  });
}
