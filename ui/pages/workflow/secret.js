/** A secret that was made, which is shown this once. */
import { href } from "../../core/router.js";
import { html } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { openDialog } from "../../parts/dialog.js";

/** @param {string} url  of the webhook @param {string} secret */
export function showSecret(url, secret) {
  openDialog({
    title: "The secret, shown once",
    body: () => html`<p>Give it to the sender that delivers to <code class="wrap">${`${location.origin}${href(url)}`}</code>. It cannot be read again, only replaced.</p>
      <pre class="card">${secret}</pre><p>${copyButton(() => secret, "Copy the secret", { hasText: true })}</p>`,
    closeLabel: "I have it",
  });
}
