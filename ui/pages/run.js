/** One run: what it is, what went wrong, and its nodes as a graph, on a line of time, as a table, as events. */
import { href, route, setQuery } from "../core/router.js";
import { plural, shortId } from "../core/format.js";
import { stateOf, wordOf } from "../core/statuses.js";
import { nodeOf } from "../core/units.js";
import { computed, effect, html, show, signal } from "../core/view.js";
import { LiveRun } from "../core/live_run.js";
import { copy } from "../parts/copy.js";
import { lazy, loading } from "../parts/lazy.js";
import { announce } from "../parts/notices.js";
import { problemList } from "../parts/problems.js";
import { shortcuts } from "../parts/shortcuts.js";
import { tabs } from "../parts/tabs.js";
import { countStrip } from "./run/counts.js";
import { failureBanner } from "./run/failure_banner.js";
import { runHeader } from "./run/header.js";
import { runList } from "./run/run_list.js";

/** @param {Record<string, string>} params */
export const title = ({ id }) => `Run ${shortId(id)}`;

const TABS = ["graph", "timeline", "nodes", "events", "data", "definition"];

/** @param {import("../core/router.js").Route} at */
export function page({ params }) {
  const live = new LiveRun(params.id);
  const nodeId = computed(() => route.value.query.node ?? null);
  const filter = computed(() => route.value.query.state ?? null);
  const isWide = signal(matchMedia("(min-width: 900px)").matches);
  const chosen = computed(() => {
    const { tab } = route.value.query;
    // On a narrow screen the list of nodes says more than a picture of them.
    return TABS.includes(tab) ? tab : isWide.value ? "graph" : "nodes";
  });
  const select = (/** @type {string | null} */ id) => setQuery({ node: id });
  const choose = (/** @type {string} */ tab) => setQuery({ tab });
  const view = { live, nodeId, filter, select };

  shortcuts([
    ...TABS.map((tab, at) => ({ keys: String(at + 1), does: `show the ${wordOfTab(tab)}`, run: () => choose(tab) })),
    { keys: "n", does: "next failed node", run: () => selectFailed(1) },
    { keys: "N", does: "previous failed node", run: () => selectFailed(-1) },
    { keys: "Escape", does: "close the node", run: () => select(null) },
    { keys: "c", does: "copy the address", run: () => void copy(() => location.href) },
  ]);
  /** @param {number} step */
  function selectFailed(step) {
    const failed = [...(live.run?.nodes.values() ?? [])].filter((node) => node.status === "FAILED").map((node) => node.node_id);
    if (failed.length === 0) return;
    const at = failed.indexOf(nodeId.peek() ?? "");
    select(failed[(at + step + failed.length) % failed.length] ?? failed[0]);
  }
  const panel = () =>
    lazy(
      () => import("./run/node_panel.js"),
      ({ nodePanel }) => nodePanel({ live, nodeId: () => nodeId.value ?? "", onClose: () => select(null), onSelect: select }),
    );
  announceChanges(live);

  return html`<div class="run-page">
    ${runList(params.id)}
    <div class="run-main stack">
      ${show(() => live.error.value !== null, () => problem(live))}
      ${show(
        // Of a run that has been removed, nothing can be seen or done.
        () => live.version.value > 0 && live.error.value?.status !== 404,
        () => html`
          ${runHeader(live)}
          ${failureBanner(live, select)}
          ${countStrip(live, filter)}
          <div class=${() => (nodeId.value === null ? "run-body" : "run-body with-panel")}>
            ${tabs({
              label: "Run",
              chosen: () => chosen.value,
              onChoose: choose,
              tabs: [
                { key: "graph", title: "Graph", hint: "1", content: () => lazy(() => import("./run/graph_tab.js"), ({ graphTab }) => graphTab(view)) },
                { key: "timeline", title: "Timeline", hint: "2", content: () => lazy(() => import("./run/timeline_tab.js"), ({ timelineTab }) =>
                    timelineTab(view)) },
                { key: "nodes", title: "Nodes", hint: "3", content: () => lazy(() => import("./run/nodes_tab.js"), ({ nodesTab }) => nodesTab(view)) },
                { key: "events", title: "Events", hint: "4", content: () => lazy(() => import("./run/events_tab.js"), ({ eventsTab }) => eventsTab(view)) },
                { key: "data", title: "Input & output", hint: "5", content: () => lazy(() => import("./run/in_out_tab.js"), ({ inOutTab }) => inOutTab(view)) },
                { key: "definition", title: "Definition", hint: "6", content: () => lazy(() => import("./run/definition_tab.js"), ({ definitionTab }) =>
                    definitionTab(view)) },
              ],
            })}
            ${show(
              () => nodeId.value !== null && live.node(nodeOf(nodeId.value)) !== undefined,
              () => html`<aside class="run-panel card" aria-label="Node">${panel()}</aside>`,
            )}
          </div>`,
        () => show(() => live.error.value === null, loading),
      )}
    </div>
  </div>`;
}

/**
 * What the tabs of a run are given.
 * @typedef {object} RunView
 * @property {LiveRun} live
 * @property {import("../core/view.js").Computed<string | null>} nodeId  the node, or unit such as `fetch[3]`, that is looked at
 * @property {import("../core/view.js").Computed<string | null>} filter  only nodes in this state are shown
 * @property {(id: string | null) => void} select
 */

/** @param {string} tab */
function wordOfTab(tab) {
  return tab === "data" ? "input and output" : tab;
}

/** @param {LiveRun} live */
function problem(live) {
  const isUnknown = () => live.error.value?.status === 404;
  return html`<div class="empty">${show(isUnknown, () => html`<h1>No such run</h1><p>It may have been removed at the end of its retention time.</p>`, () =>
    problemList(() => live.error.value),
  )}<p><a href=${href("/")}>All runs</a></p></div>`;
}

/** Read out how the run goes, and each failure. @param {LiveRun} live */
function announceChanges(live) {
  let [status, failed] = ["", 0];
  effect(() => {
    void live.version.value;
    if (live.run === null) return;
    const now = live.run.execution.status;
    const count = live.run.counts.get("failed") ?? 0;
    if (status && now !== status) announce(`The run is ${wordOf(stateOf({ status: now }))}`);
    else if (status && count > failed) announce(`${plural(count, "node")} failed`);
    [status, failed] = [now, count];
  });
}

