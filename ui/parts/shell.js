/** The frame of all pages: the rail at the left, notices, and the page in the middle. */
import { isOperator, totals } from "../core/session.js";
import { isReachable } from "../core/api.js";
import { remember } from "../core/kept.js";
import { go, href, route } from "../core/router.js";
import { html, show, signal } from "../core/view.js";
import { icon } from "./icons.js";
import { noticeArea, notifyError } from "./notices.js";
import { shortcuts } from "./shortcuts.js";

/** @typedef {{page: string, title: string, path: string, isOperators?: boolean, badge?: () => number, keys?: string}} Place */

/** @type {Place[]} */
const PLACES = [
  { page: "runs", title: "Runs", path: "/", keys: "g r" },
  { page: "workflows", title: "Workflows", path: "/ui/workflows", keys: "g w" },
  { page: "approvals", title: "Approvals", path: "/ui/approvals", badge: () => totals.value.approvals, keys: "g a" },
  { page: "schedules", title: "Schedules", path: "/ui/schedules", keys: "g s" },
  { page: "workers", title: "Workers", path: "/ui/workers", isOperators: true, keys: "g k" },
  { page: "dead", title: "Dead letters", path: "/ui/dead", badge: () => totals.value.dead, keys: "g d" },
  { page: "settings", title: "Settings", path: "/ui/settings", keys: "g t" },
];
/** The page whose place in the rail another one shares. @type {Record<string, string>} */
const WITHIN = { run: "runs", compare: "runs", workflow: "workflows", edit: "workflows" };

function showShortcuts() {
  void import("./shortcut_list.js").then((list) => list.showShortcuts(), notifyError);
}

/** @param {() => any} page */
export function shell(page) {
  const theme = signal(document.documentElement.dataset.theme ?? "light");
  const changeTheme = () => {
    theme.value = theme.peek() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme.peek();
    remember("theme", theme.peek());
    dispatchEvent(new Event("headrace-theme"));
  };
  shortcuts([
    { keys: "?", does: "show these keys", run: showShortcuts },
    ...PLACES.map(({ keys, path, title }) => ({ keys: /** @type {string} */ (keys), does: `go to ${title}`, run: () => go(path) })),
  ]);
  /** @param {Place} place */
  const link = ({ page: name, title, path, badge, isOperators }) => {
    const isHere = () => (WITHIN[route.value.page] ?? route.value.page) === name;
    const element = () =>
      html`<a href=${href(path)} aria-current=${() => (isHere() ? "page" : null)}>${icon(name)}<span>${title}</span>${() =>
        badge && badge() > 0 ? html`<span class="badge" aria-label=${`${badge()} open`}>${badge()}</span>` : null}</a>`;
    return isOperators ? show(isOperator, element) : element();
  };
  return html`<div class="shell">
    <nav class="rail" aria-label="Pages">
      <a class="brand" href=${href("/")} aria-label="Headrace">H</a>
      ${PLACES.map(link)}
      <span class="end"></span>
      <button type="button" onclick=${showShortcuts} aria-label="Keys">?<span>Keys</span></button>
      <button type="button" onclick=${changeTheme}>${icon("theme")}<span>${() => (theme.value === "dark" ? "Light" : "Dark")}</span></button>
    </nav>
    <main class="page" id="main">
      ${show(
        () => !isReachable.value,
        () => html`<div class="banner state-failed" role="alert"><span class="strong">The server or its Redis cannot be reached.</span>
          The page shows the last known state, and reconnects by itself.</div>`,
      )}
      ${page}
    </main>
    ${noticeArea()}
  </div>`;
}
