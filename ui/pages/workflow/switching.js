/** Pause, resume and remove a workflow. */
import { api } from "../../core/api.js";
import { once } from "../../core/once.js";
import { go } from "../../core/router.js";
import { may } from "../../core/session.js";
import { html, show } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { notify, notifyError } from "../../parts/notices.js";
import { plural } from "../../core/format.js";
import { pathOf } from "./path.js";

/**
 * One button: pauses what is active, resumes what is paused.
 * @param {() => any} workflow @param {() => unknown} onDone
 */
export function pauseButton(workflow, onDone) {
  const isActive = () => workflow()?.is_active ?? true;
  const change = once(async () => {
    try {
      const { name, is_active: wasActive } = workflow();
      await api.post(`${pathOf(name)}/${wasActive ? "pause" : "resume"}`);
      notify(wasActive ? "Paused: no new run starts; runs in progress continue" : "Resumed");
      await onDone();
    } catch (error) {
      notifyError(error);
    }
  });
  const label = () => `${isActive() ? "Pause" : "Resume"} ${workflow()?.name ?? ""}`;
  return show(() => may("admin"), () => html`<button type="button" aria-label=${label} onclick=${change}>${() => (isActive() ? "Pause" : "Resume")}</button>`);
}

/** Show what would be deleted, and remove the workflow once that is confirmed. @param {any} workflow */
export async function removeWorkflow({ name, workflow_id: id, version }) {
  try {
    const [{ items: schedules }, { items: webhooks }] = await Promise.all([
      api.get("/v1/schedules", { workflow: id, limit: 100 }),
      api.get("/v1/webhooks", { workflow: id, limit: 100 }),
    ]);
    const goes = [
      plural(version, "version"),
      ...schedules.map((/** @type {any} */ each) => `schedule ${each.name}`),
      ...webhooks.map((/** @type {any} */ each) => `webhook ${each.url}`),
    ];
    openDialog({
      title: `Remove ${name}?`,
      body: () => html`<p>This is deleted for good:</p><ul class="bullets">${goes.map((each) => html`<li><bdi>${each}</bdi></li>`)}</ul>
        <p>Its runs keep their definitions, and runs in progress continue.</p>
        <p class="muted">A workflow from a file in <code>WORKFLOWS_DIR</code> is registered again at the next start of the server.</p>`,
      closeLabel: "Keep it",
      actions: [
        {
          label: "Remove",
          look: "danger",
          run: async () => {
            await api.delete(pathOf(name));
            notify(`Removed ${name}`);
            go("/ui/workflows");
          },
        },
      ],
    });
  } catch (error) {
    notifyError(error);
  }
}
