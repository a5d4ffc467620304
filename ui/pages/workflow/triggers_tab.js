/** The webhooks of a workflow. */
import { api } from "../../core/api.js";
import { everyPage } from "../../core/every_page.js";
import { poll } from "../../core/poll.js";
import { may } from "../../core/session.js";
import { computed, each, html, show } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { problemList } from "../../parts/problems.js";
import { showSecret } from "../../parts/show_once.js";
import { webhookCard } from "./webhook_card.js";

/** Scheme -> how a delivery is verified. @type {Record<string, string>} */
const SCHEMES = {
  hub256: "X-Hub-Signature-256: HMAC-SHA256 of the body, as GitHub and many others send it",
  standard: "Standard Webhooks: id, time and signature",
  header_token: "a header with the secret itself",
  none: "nothing; in development only",
};

/** @param {import("../workflow.js").WorkflowView} view */
export function triggersTab({ workflow }) {
  const { name } = workflow();
  const { value, error, again } = poll(() => everyPage("/v1/webhooks", { workflow: name }), 5_000);
  const paths = computed(() => (value.value ?? []).map(({ path }) => path));
  const find = (/** @type {string | number} */ path) => () => (value.value ?? []).find((webhook) => webhook.path === path);
  return html`<section class="stack">
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(() => may("admin"), () => html`<p><button type="button" onclick=${() => newWebhook(name, again)}>New webhook…</button></p>`)}
    ${each(() => paths.value, (path) => path, (_, path) => webhookCard(find(path), again))}
    ${show(
      () => value.value !== null && paths.value.length === 0,
      () => html`<div class="empty"><p>No webhook starts it yet.</p>
        <p>A webhook is an address at which another system starts this workflow, with a signed request and without an API key.</p></div>`,
    )}
  </section>`;
}

/** @param {string} workflow @param {() => Promise<void>} again */
function newWebhook(workflow, again) {
  /** @type {Record<string, string>} */
  const given = { scheme: "hub256", path: "", header: "", inputs: "none", secret: "" };
  const keep = (/** @type {string} */ key) => (/** @type {any} */ event) => (given[key] = event.target.value);
  openDialog({
    title: "New webhook",
    body: () => html`<div class="field"><label for="webhook-scheme">Deliveries are verified by</label>
        <select id="webhook-scheme" onchange=${keep("scheme")}>${Object.entries(SCHEMES).map(([scheme, words]) =>
          html`<option value=${scheme}>${`${scheme}: ${words}`}</option>`)}</select></div>
      <div class="field"><label for="webhook-path">Path</label><span
          class="hint">letters, digits and _ . ~ -; empty: a random one</span><input id="webhook-path" autocomplete="off"
          maxlength="128" oninput=${keep("path")}></div>
      <div class="field"><label for="webhook-secret">Secret</label><span
          class="hint">one that the sender already has; empty: a new one</span><input id="webhook-secret" type="password" autocomplete="off"
          maxlength="256" oninput=${keep("secret")}></div>
      <div class="field"><label for="webhook-header">Header</label><span class="hint">only for header_token; empty: X-Webhook-Token</span><input
          id="webhook-header" autocomplete="off" oninput=${keep("header")}></div>
      <div class="field"><label for="webhook-inputs">The payload</label>
        <select id="webhook-inputs" onchange=${keep("inputs")}><option value="none">is available to templates as trigger.payload</option>
          <option value="payload">becomes the inputs, and must match their schema</option></select></div>`,
    actions: [
      {
        label: "Create webhook",
        look: "primary",
        run: async () => {
          const { scheme, inputs, path, header, secret } = given;
          const made = await api.post("/v1/webhooks", {
            workflow,
            scheme,
            inputs,
            ...(path.trim() ? { path: path.trim() } : {}),
            ...(header.trim() ? { header: header.trim() } : {}),
            ...(secret ? { secrets: [secret] } : {}),
          });
          await again();
          if (made.secret) showSecret(made.url, made.secret);
        },
      },
    ],
  });
}
