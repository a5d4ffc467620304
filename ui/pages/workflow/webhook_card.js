/** One webhook: its address, how to call it, and what can be done with it. */
import { api } from "../../core/api.js";
import { runsOfWebhook } from "../../core/labels.js";
import { once } from "../../core/once.js";
import { href } from "../../core/router.js";
import { may } from "../../core/session.js";
import { milliseconds, moment, now, relative, serverNow } from "../../core/time.js";
import { curlCommand, signedHeaders } from "../../core/signing.js";
import { computed, effect, html, show, signal } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { openDialog } from "../../parts/dialog.js";
import { notifyError } from "../../parts/notices.js";
import { showSecret } from "../../parts/show_once.js";

const SAMPLE = '{"event": "test"}';

/** @param {() => any} webhook  followed @param {() => Promise<void>} again */
export function webhookCard(webhook, again) {
  const tested = signal(/** @type {string | null} */ (null));
  const { path: name } = webhook();
  const path = `/v1/webhooks/${encodeURIComponent(name)}`;
  const address = () => `${location.origin}${href(webhook()?.url ?? "")}`;
  const test = once(async () => {
    try {
      const { execution_id: id } = await api.post(`${path}/test`);
      tested.value = id;
      await again();
    } catch (error) {
      notifyError(error);
    }
  });
  const counted = () => {
    const { accepted = 0, duplicate = 0, error = 0, last_at: last } = webhook()?.deliveries ?? {};
    const at = milliseconds(last ?? null);
    const taken = `${accepted} accepted${duplicate ? ` (${duplicate} repeated)` : ""}`;
    return `${taken}, ${error} with an error${at === null ? "" : `; the last ${relative(at, now.value)}`}`;
  };
  const refused = () => {
    const { rejected = 0, rejected_for: reasons = {} } = webhook()?.deliveries ?? {};
    const words = Object.entries(reasons).sort(([, one], [, other]) => other - one).map(([reason, count]) => `${count} ${reason}`);
    const counted = Object.values(reasons).reduce((sum, count) => sum + count, 0);
    if (words.length && counted < rejected) words.push(`${rejected - counted} before reasons were counted`);
    return `${rejected} for their signature${words.length ? `: ${words.join(", ")}` : ""}`;
  };
  const lastRefused = computed(() => webhook()?.deliveries?.last_rejected ?? null);
  const secrets = () =>
    (webhook()?.secrets ?? []).map((/** @type {any} */ each) =>
      html`<li>made ${moment(milliseconds(each.created_at)).slice(0, 19)}
        ${each.expires_at ? `valid until ${moment(milliseconds(each.expires_at)).slice(0, 19)}` : ""}</li>`);
  return html`<section class="card stack" aria-label=${`Webhook ${name}`}>
    <div class="row spread"><h2 class="wrap"><bdi>${name}</bdi></h2><span
        class=${() => `tag state-word ${webhook()?.is_active ? "active" : "paused"}`}>${() => (webhook()?.is_active ? "active" : "inactive")}</span></div>
    <div class="row"><code class="wrap">${address}</code>${copyButton(address, `Copy the address of ${name}`)}</div>
    <dl class="facts">
      <dt>Scheme</dt><dd><code>${() => webhook()?.scheme}</code>${() => (webhook()?.header ? html` in <code>${webhook().header}</code>` : null)}</dd>
      <dt>Deliveries</dt><dd>${counted} <a href=${runsOfWebhook(name)}>its runs</a></dd>
      <dt>Refused</dt><dd>${refused}${() =>
        (lastRefused.value
          ? html`<br>last ${() => relative(milliseconds(lastRefused.value?.at ?? null), now.value)}: <code>${lastRefused.value.reason}</code>, ${lastRefused.value.detail}`
          : null)}</dd>
      <dt>Becomes</dt><dd>${() => (webhook()?.inputs === "payload" ? "the inputs" : "trigger.payload")}</dd>
      <dt>Secrets</dt><dd><ul>${secrets}</ul>${() =>
         ((webhook()?.secrets ?? []).length === 0 && webhook()?.scheme !== "none" ? "none yet: rotate to create the first" : null)}</dd></dl>
    ${show(
      () => may("admin"),
      () => html`<div class="row"><button type="button" onclick=${test}>Deliver a test</button><button type="button"
          onclick=${rotate}>Rotate the secret…</button><button type="button" onclick=${remove}>Remove…</button>
        ${() => (tested.value ? html`<a href=${href(`/ui/runs/${encodeURIComponent(tested.value)}`)}>The run that it started</a>` : null)}</div>`,
    )}
    ${callBuilder(webhook, address)}
  </section>`;

  function rotate() {
    let keep = "24h";
    openDialog({
      title: `A new secret for ${name}?`,
      body: () => html`<p>The new secret is valid at once. Earlier ones stay valid for a while, so that no delivery is lost while the sender changes over.</p>
        <div class="field"><label for="rotate-keep">Keep earlier secrets for</label><span
            class="hint">24h, 30m, or 0 to end them now</span><input id="rotate-keep"
            .value=${keep} oninput=${(/** @type {any} */ event) => (keep = event.target.value.trim())}></div>`,
      actions: [
        {
          label: "Rotate",
          look: "primary",
          run: async () => {
            const found = await api.post(`${path}/rotate`, { keep });
            await again();
            if (found.secret) showSecret(found.url, found.secret);
          },
        },
      ],
    });
  }

  function remove() {
    openDialog({
      title: `Remove the webhook ${name}?`,
      body: () => html`<p>Deliveries to its address then get 404. Runs in progress continue.</p>`,
      actions: [{ label: "Remove", look: "danger", run: () => api.delete(path).then(again) }],
    });
  }
}

/** A command with a correct signature, made in the browser. @param {() => any} webhook @param {() => string} address */
function callBuilder(webhook, address) {
  const { path } = webhook();
  // The webhook is read again every few seconds; the command changes only with what it is made of.
  const scheme = computed(() => webhook()?.scheme ?? "none");
  const header = computed(() => webhook()?.header ?? null);
  const target = computed(address);
  const secret = signal("");
  const body = signal(SAMPLE);
  const command = signal("");
  const problem = signal("");
  let turn = 0;
  effect(() => {
    const mine = ++turn;
    const id = crypto.randomUUID?.() ?? String(serverNow());
    const seconds = Math.floor(serverNow() / 1_000);
    const delivery = { scheme: scheme.value, header: header.value, secret: secret.value, body: body.value, id, seconds };
    const to = target.value;
    if (secret.value === "" && delivery.scheme !== "none") return void ((command.value = ""), (problem.value = ""));
    signedHeaders(delivery).then(
      (headers) => mine === turn && ((command.value = curlCommand(to, headers, delivery.body)), (problem.value = "")),
      (error) => mine === turn && ((command.value = ""), (problem.value = error.message)),
    );
  });
  return html`<details><summary>Call it with curl</summary><div class="stack">
    <div class="field"><label for=${`secret-${path}`}>Secret</label><span class="hint">Signed in your browser: the secret is not sent anywhere.</span>
      <input id=${`secret-${path}`} type="password" autocomplete="off" aria-describedby=${`secret-problem-${path}`}
          oninput=${(/** @type {any} */ event) => (secret.value = event.target.value)}>
      <span class="schema-problem" id=${`secret-problem-${path}`} role="status">${() => problem.value}</span></div>
    <div class="field"><label for=${`body-${path}`}>Body</label><textarea id=${`body-${path}`} class="mono" rows="3" spellcheck="false" .value=${SAMPLE}
        oninput=${(/** @type {any} */ event) => (body.value = event.target.value)}></textarea></div>
    ${show(
      () => command.value !== "",
      () => html`<pre class="card">${() => command.value}</pre><div class="row">${copyButton(() => command.peek(), "Copy the command", { hasText: true })}
        ${show(() => scheme.value === "standard", () => html`<span class="muted">valid for 5 minutes</span>`)}</div>`,
    )}</div></details>`;
}
