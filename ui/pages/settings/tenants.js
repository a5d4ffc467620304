/** The tenants of the server, and their keys: for the operator. */
import { api } from "../../core/api.js";
import { everyPage } from "../../core/every_page.js";
import { poll } from "../../core/poll.js";
import { html, show, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { problemList } from "../../parts/problems.js";
import { showKey } from "../../parts/show_once.js";
import { table } from "../../parts/table.js";

/** @param {(path: string, label: string) => any} keys  shows the keys of a tenant */
export function tenants(keys) {
  const { value, error, again } = poll(() => everyPage("/v1/tenants"), 30_000);
  const chosen = signal(/** @type {string | null} */ (null));
  return html`<section class="card stack"><div class="row spread"><h2>Tenants</h2><button type="button"
      onclick=${() => create(again)}>New tenant…</button></div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${table({
      label: "Tenants",
      rows: () => value.value ?? [],
      keyOf: (tenant) => tenant.name,
      onOpen: (tenant) => (chosen.value = tenant.name),
      selected: () => chosen.value,
      least: 480,
      height: "40vh",
      columns: [
        { title: "Name", width: "minmax(120px, 1fr)", cell: (tenant) => html`<bdi class="strong">${() => tenant().name}</bdi>` },
        { title: "Title", width: "minmax(120px, 2fr)", cell: (tenant) => html`<bdi>${() => tenant().title}</bdi>` },
        {
          title: "Active",
          width: "130px",
          cell: (tenant) => html`<button type="button" class="quiet"
              onclick=${() => void change(tenant(), again)}>${() => (tenant().is_active ? "Disable…" : "Enable")}</button>`,
        },
      ],
    })}</section>
    ${() => (chosen.value === null ? null : keys(`/v1/tenants/${encodeURIComponent(chosen.value)}/keys`, `Keys of ${chosen.value}`))}`;
}

/** @param {() => Promise<void>} again */
function create(again) {
  let [name, title] = ["", ""];
  openDialog({
    title: "New tenant",
    body: () => html`<div class="field"><label for="tenant-name">Name</label><span
        class="hint">1 to 40 of a–z, 0–9 and -; used in paths and in names of settings</span>
        <input id="tenant-name" maxlength="40" oninput=${(/** @type {any} */ event) => (name = event.target.value)}></div>
      <div class="field"><label for="tenant-title">Title</label><input id="tenant-title"
          oninput=${(/** @type {any} */ event) => (title = event.target.value)}></div>`,
    actions: [
      {
        label: "Create tenant",
        look: "primary",
        run: async () => {
          showKey((await api.post("/v1/tenants", { name: name.trim(), title })).api_key);
          await again();
        },
      },
    ],
  });
}

/** @param {{name: string, is_active: boolean}} tenant @param {() => Promise<void>} again */
async function change(tenant, again) {
  const set = async (/** @type {boolean} */ isActive) => (await api.patch(`/v1/tenants/${encodeURIComponent(tenant.name)}`, { is_active: isActive }), again());
  if (!tenant.is_active) return set(true);
  openDialog({
    title: `Disable ${tenant.name}?`,
    body: () => html`<p>Its keys are refused until it is enabled again. Runs in progress continue, and nothing is removed.</p>`,
    actions: [{ label: "Disable", look: "danger", run: () => set(false) }],
  });
}
