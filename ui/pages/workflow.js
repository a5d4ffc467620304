/** One workflow: overview, launch form, definition, versions, webhooks and schedules. */
import { api } from "../core/api.js";
import { asked } from "../core/asked.js";
import { capitalised } from "../core/format.js";
import { href, hrefOf, route, setQuery } from "../core/router.js";
import { listenToFeed, may } from "../core/session.js";
import { computed, html, onDispose, show } from "../core/view.js";
import { lazy, loading } from "../parts/lazy.js";
import { problemList } from "../parts/problems.js";
import { shortcuts } from "../parts/shortcuts.js";
import { tabs } from "../parts/tabs.js";
import { pathOf } from "./workflow/path.js";
import { pauseButton, removeWorkflow } from "./workflow/switching.js";

/** @param {Record<string, string>} params */
export const title = ({ name }) => name;

/** @typedef {{workflow: () => any, again: () => void}} WorkflowView  workflow: with its definition, followed */

const TABS = ["overview", "launch", "definition", "versions", "triggers", "schedules"];

/** @param {import("../core/router.js").Route} at */
export function page({ params }) {
  const { answer, error, again } = asked(
    () => params.name,
    () => api.get(pathOf(params.name)),
  );
  onDispose(listenToFeed({}));
  const workflow = () => answer.value;
  const chosen = computed(() => (TABS.includes(route.value.query.tab) ? route.value.query.tab : "overview"));
  const choose = (/** @type {string} */ tab) => setQuery({ tab });
  const view = { workflow, again };
  shortcuts(TABS.map((tab, at) => ({ keys: String(at + 1), does: `show ${tab}`, run: () => choose(tab) })));
  const content = {
    overview: () => lazy(() => import("./workflow/overview_tab.js"), ({ overviewTab }) => overviewTab(view)),
    launch: () => lazy(() => import("./workflow/launch_tab.js"), ({ launchTab }) => launchTab(view)),
    definition: () => lazy(() => import("./workflow/definition_tab.js"), ({ definitionTab }) => definitionTab(view)),
    versions: () => lazy(() => import("./workflow/versions_tab.js"), ({ versionsTab }) => versionsTab(view)),
    triggers: () => lazy(() => import("./workflow/triggers_tab.js"), ({ triggersTab }) => triggersTab(view)),
    schedules: () => lazy(() => import("./workflow/schedules_tab.js"), ({ schedulesTab }) => schedulesTab(view)),
  };
  const list = Object.entries(content).map(([key, build], at) => ({
    key,
    title: capitalised(key),
    hint: String(at + 1),
    content: build,
  }));
  return html`<div class="stack">
    ${show(() => error.value !== null, () => html`<h1><bdi>${params.name}</bdi></h1>${problemList(() => error.value)}<p><a
        href=${href("/ui/workflows")}>All workflows</a></p>`)}
    ${show(
      () => answer.value !== null,
      () => html`${header(view)}${tabs({ label: "Workflow", chosen: () => chosen.value, onChoose: choose, tabs: list })}`,
      () => show(() => error.value === null, () => html`<h1><bdi>${params.name}</bdi></h1>${loading()}`),
    )}
  </div>`;
}

/** @param {WorkflowView} view */
function header({ workflow, again }) {
  const name = () => workflow().name;
  return html`<div class="page-head">
      <h1><bdi>${() => workflow().title}</bdi></h1>
      <code>${name}</code><span class="tag">${() => `v${workflow().version}`}</span>
      <span class=${() => `tag state-word ${workflow().is_active ? "active" : "paused"}`}>${() => (workflow().is_active ? "active" : "paused")}</span>
      <div class="row head-actions">
        ${show(() => may("run"), () => html`<a class="button primary"
            href=${() => href(hrefOf(`/ui/workflows/${encodeURIComponent(name())}`, { tab: "launch" }))}>Launch</a>
          <a class="button" href=${() => href(hrefOf("/ui/edit", { workflow: name() }))}>Edit</a>`)}
        ${pauseButton(workflow, again)}
        ${show(() => may("admin"), () => html`<button type="button" onclick=${() => void removeWorkflow(workflow())}>Remove…</button>`)}
      </div></div>
    ${show(() => !workflow().is_active, () =>
      html`<p class="banner">Paused: people, schedules and webhooks cannot start it. Runs in progress continue.</p>`)}
    ${show(() => workflow().description !== "", () => html`<p class="text wrap">${() => workflow().description}</p>`)}`;
}
