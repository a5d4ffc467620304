/** Starts the page: reads the session, builds the frame, and shows the page that the address names. */
import { needsKey } from "./core/api.js";
import { route, startRouter } from "./core/router.js";
import { readContext } from "./core/session.js";
import { startClock } from "./core/time.js";
import { computed, effect, html, root, scope, signal } from "./core/view.js";
import { askForKey } from "./parts/key_dialog.js";
import { notifyError } from "./parts/notices.js";
import { shell } from "./parts/shell.js";
import { startShortcuts } from "./parts/shortcuts.js";

/** @typedef {{page: (route: any) => any, title: string | ((params: any) => string)}} Page */

/** Each page is loaded when it is first opened. @type {Record<string, () => Promise<Page>>} */
const PAGES = {
  runs: () => import("./pages/runs.js"),
  run: () => import("./pages/run.js"),
  compare: () => import("./pages/compare.js"),
  workflows: () => import("./pages/workflows.js"),
  workflow: () => import("./pages/workflow.js"),
  edit: () => import("./pages/edit.js"),
  approvals: () => import("./pages/approvals.js"),
  schedules: () => import("./pages/schedules.js"),
  workers: () => import("./pages/workers.js"),
  dead: () => import("./pages/dead.js"),
  settings: () => import("./pages/settings.js"),
  unknown: () => import("./pages/unknown.js"),
};

const content = signal(/** @type {any} */ (null));
/** Raised when a session was opened: pages are built again with what it may see. */
const round = signal(0);
/** Another page, or another object of the same page; what only the query says is the page's own affair. */
const place = computed(() => JSON.stringify([route.value.page, route.value.params, round.value]));
let leave = () => {};
let turn = 0;

async function showPage() {
  const mine = ++turn;
  const at = route.peek();
  const { page, title } = await (PAGES[at.page] ?? PAGES.unknown)();
  if (mine !== turn) return;
  leave();
  const [built, dispose] = scope(() => page(at));
  leave = dispose;
  document.title = `${typeof title === "string" ? title : title(at.params)} · Headrace`;
  content.value = built;
}

function start() {
  const app = /** @type {Element} */ (document.getElementById("app"));
  startClock();
  startRouter();
  startShortcuts();
  root(app, () => html`${shell(() => content.value)}`);
  askForKey(() => round.value++);
  effect(() => {
    void place.value;
    void showPage().catch(notifyError);
  });
}

void readContext()
  .catch((error) => {
    if (!needsKey.peek()) notifyError(error);
  })
  .then(start);
