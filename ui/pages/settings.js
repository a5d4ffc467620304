/** Who is signed in, the keys of the tenant, usage, and for the operator the tenants. */
import { api } from "../core/api.js";
import { poll } from "../core/poll.js";
import { href } from "../core/router.js";
import { closeSession, context, isOperator, listenToFeed, may } from "../core/session.js";
import { milliseconds, moment, now, relative } from "../core/time.js";
import { html, onDispose, show } from "../core/view.js";
import { openDialog } from "../parts/dialog.js";
import { notify, notifyError } from "../parts/notices.js";
import { problemList } from "../parts/problems.js";
import { showKey } from "../parts/show_once.js";
import { table } from "../parts/table.js";
import { tenants } from "./settings/tenants.js";
import { usage } from "./settings/usage.js";

export const title = "Settings";
const SCOPES = ["read", "run", "admin"];

export function page() {
  // It says at once when the session ends.
  if (may("read")) onDispose(listenToFeed({}));
  const identity = () => context.value?.identity;
  const leave = () => void closeSession().then(() => notify("Signed out"), notifyError);
  return html`<div class="page-head"><h1>Settings</h1></div>
    <section class="card stack"><h2>Your session</h2>
      <dl class="facts"><dt>Tenant</dt><dd>${() => identity()?.tenant ?? "none"}</dd>
        <dt>Permissions</dt><dd>${() => [...(identity()?.scopes ?? []), ...(isOperator() ? ["operate the server"] : [])].join(", ") || "nothing"}</dd>
        <dt>Server</dt><dd>${() => `Headrace ${context.value?.version ?? ""}, ${context.value?.environment ?? ""}`}</dd>
        <dt>Keys</dt><dd>${() => (context.value?.needs_key ? "required" : "not required")}</dd></dl>
      <div class="row"><button type="button" onclick=${leave}>Sign out</button><a href=${href("/docs")} target="_blank">API reference</a></div></section>
    ${show(() => may("admin"), () => keys("/v1/keys", "Keys"))}
    ${show(() => may("read"), usage)}
    ${show(isOperator, () => tenants(keys))}`;
}

/**
 * The keys of one tenant.
 * @param {string} path  of its keys
 * @param {string} label
 */
function keys(path, label) {
  const { value, error, again } = poll(() => api.get(path), 30_000);
  return html`<section class="card stack"><div class="row spread"><h2>${label}</h2><button type="button"
      onclick=${() => create(path, again)}>New key…</button></div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${table({
      label,
      rows: () => value.value?.items ?? [],
      keyOf: (key) => key.key_id,
      least: 720,
      height: "40vh",
      empty: () => html`<div class="empty">No key yet.</div>`,
      columns: [
        { title: "Name", width: "minmax(120px, 1fr)", cell: (key) => html`<bdi class="strong">${() => key().name}</bdi>` },
        { title: "Id", width: "110px", cell: (key) => html`<span class="mono">${() => key().key_id}</span>` },
        { title: "Scopes", width: "140px", cell: (key) => html`${() => key().scopes.join(", ")}` },
        {
          title: "Expires",
          width: "130px",
          cell: (key) => html`<time title=${() => moment(milliseconds(key().expires_at))}>${() => relativeOrNever(key().expires_at)}</time>`,
        },
        {
          title: "Last used",
          width: "120px",
          cell: (key) => html`<time>${() => relativeOrNever(key().last_used_at)}</time>`,
        },
        {
          title: "Actions",
          isTitleHidden: true,
          width: "170px",
          isEnd: true,
          cell: (key) => html`<button type="button" class="quiet" onclick=${() => rotate(path, key(), again)}>Rotate…</button><button type="button"
              class="quiet" onclick=${() => revoke(path, key(), again)}>Revoke…</button>`,
        },
      ],
    })}</section>`;
}

/** @param {string | null} at */
function relativeOrNever(at) {
  return at === null ? "never" : relative(milliseconds(at), now.value);
}

/** @param {string} path @param {() => Promise<void>} again */
function create(path, again) {
  let name = "";
  const scopes = new Set(["read", "run"]);
  openDialog({
    title: "New key",
    body: () => html`<div class="field"><label for="key-name">Name</label><input id="key-name" maxlength="100"
        oninput=${(/** @type {any} */ event) => (name = event.target.value)}></div>
      <fieldset class="row"><legend>Scopes</legend>${SCOPES.map(
        (scope) => html`<label><input type="checkbox" .checked=${scopes.has(scope)}
            onchange=${(/** @type {any} */ event) => (event.target.checked ? scopes.add(scope) : scopes.delete(scope))}>${scope}</label>`,
      )}</fieldset>`,
    actions: [
      {
        label: "Create key",
        look: "primary",
        run: async () => {
          showKey(await api.post(path, { name: name.trim(), scopes: [...scopes] }));
          await again();
        },
      },
    ],
  });
}

/** @param {string} path @param {any} key @param {() => Promise<void>} again */
function rotate(path, key, again) {
  openDialog({
    title: `Rotate the key ${key.name}?`,
    body: () => html`<p>A new key replaces it; the old one stays valid for one hour.</p>`,
    actions: [
      {
        label: "Rotate",
        look: "primary",
        run: async () => {
          showKey(await api.post(`${path}/${key.key_id}/rotate`, { overlap: "1h" }));
          await again();
        },
      },
    ],
  });
}

/** @param {string} path @param {any} key @param {() => Promise<void>} again */
function revoke(path, key, again) {
  openDialog({
    title: `Revoke the key ${key.name}?`,
    body: () => html`<p>Requests with it are refused within a second, and open streams end.</p>`,
    actions: [{ label: "Revoke", look: "danger", run: async () => (await api.delete(`${path}/${key.key_id}`), again()) }],
  });
}
