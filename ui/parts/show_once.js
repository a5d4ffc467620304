/** Dialogs that show a new secret, once. */
import { href } from "../core/router.js";
import { html } from "../core/view.js";
import { copyButton } from "./copy.js";
import { openDialog } from "./dialog.js";

/** @param {{key: string}} issued */
export function showKey({ key }) {
  const curl = `curl -s -H 'Authorization: Bearer ${key}' '${location.origin}${href("/v1/executions")}'`;
  showOnce("Your new key", key, "the server keeps only its hash.", html`<h3>Try it</h3>
      <div class="row"><pre class="text">${curl}</pre>${copyButton(() => curl, "Copy the command")}</div>`);
}

/** @param {string} url  of the webhook that verifies deliveries by it @param {string} secret */
export function showSecret(url, secret) {
  showOnce("Your new secret", secret, html`it can be replaced, but not read again. The sender that delivers to
      <code class="wrap">${`${location.origin}${href(url)}`}</code> needs it.`);
}

/** @param {string} title @param {string} secret @param {any} why  it has to be copied now @param {any} [more] */
function showOnce(title, secret, why, more = null) {
  openDialog({
    title,
    isWide: true,
    body: () => html`<p><b>It is shown only once.</b> Copy it now; ${why}</p>
      <pre class="card text">${secret}</pre><p>${copyButton(() => secret, "Copy", { hasText: true })}</p>
      ${more}`,
    closeLabel: "I have it",
  });
}
