/** All registered workflows: by a call, from this page, or in a file. */
import { everyPage } from "../core/every_page.js";
import { poll } from "../core/poll.js";
import { plural } from "../core/format.js";
import { go, href, hrefOf, route, setQuery } from "../core/router.js";
import { listenToFeed, may } from "../core/session.js";
import { milliseconds, moment, now, relative } from "../core/time.js";
import { computed, effect, html, onDispose, show } from "../core/view.js";
import { loading } from "../parts/lazy.js";
import { problemList } from "../parts/problems.js";
import { searchField } from "../parts/search_field.js";
import { table } from "../parts/table.js";
import { pauseButton } from "./workflow/switching.js";

export const title = "Workflows";

export function page() {
  const text = computed(() => route.value.query.text ?? "");
  const { value, error, again } = poll(() => everyPage("/v1/workflows", { text: text.peek(), limit: 200 }), 5_000);
  const schedules = poll(() => everyPage("/v1/schedules", { limit: 200 }), 15_000);
  let asked = text.peek();
  effect(() => {
    if (text.value === asked) return;
    asked = text.value;
    void again();
  });
  onDispose(listenToFeed({}));

  /** Workflow -> when it starts next by itself. */
  const nextOf = computed(() => {
    /** @type {Map<string, number>} */
    const next = new Map();
    for (const { workflow_id: id, state, next_due_at: due } of schedules.value.value ?? []) {
      const at = milliseconds(due);
      if (state === "active" && at !== null) next.set(id, Math.min(at, next.get(id) ?? Infinity));
    }
    return next;
  });
  const count = () => value.value?.length ?? 0;
  return html`<div class="page-head"><h1>Workflows</h1>
      ${show(() => may("run"), () => html`<a class="button primary" href=${href("/ui/edit")}>New workflow</a>`)}</div>
    <div class="row filters">
      ${searchField({ label: "Filter workflows by text", placeholder: "Name, title or description", text: () => text.value })}
      <span class="muted" role="status">${() => (value.value === null ? "" : plural(count(), "workflow"))}</span></div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${table({
      label: "Workflows",
      rows: () => value.value ?? [],
      keyOf: (workflow) => workflow.workflow_id,
      onOpen: (workflow) => go(`/ui/workflows/${encodeURIComponent(workflow.name)}`),
      height: "calc(100vh - 160px)",
      least: 940,
      empty: () => show(() => value.value !== null, () => empty(text), loading),
      columns: [
        {
          title: "State",
          width: "80px",
          cell: (each) => html`<span class=${() => `tag state-word ${each().is_active ? "active" : "paused"}`}>${() =>
             (each().is_active ? "active" : "paused")}</span>`,
        },
        {
          title: "Name",
          width: "minmax(140px, 1fr)",
          cell: (each) => html`<a href=${() => href(`/ui/workflows/${encodeURIComponent(each().name)}`)}><bdi class="strong">${() => each().name}</bdi></a>`,
        },
        { title: "Title", width: "minmax(140px, 1fr)", cell: (each) => html`<bdi title=${() => each().description}>${() => each().title}</bdi>` },
        { title: "Version", width: "72px", isEnd: true, cell: (each) => html`<span class="number">${() => each().version}</span>` },
        { title: "Labels", width: "minmax(100px, 1fr)", cell: (each) => html`${() => labelTags(each().labels)}` },
        { title: "Starts next", width: "110px", cell: (each) => html`${() => nextCell(nextOf.value.get(each().workflow_id))}` },
        {
          title: "Updated",
          width: "110px",
          cell: (each) => html`<time title=${() => moment(milliseconds(each().updated_at))}>${() =>
             relative(milliseconds(each().updated_at), now.value)}</time>`,
        },
        {
          title: "What can be done",
          isTitleHidden: true,
          width: "190px",
          isEnd: true,
          cell: (each) => html`${show(() => may("run"), () => html`<a class="button" aria-label=${() => `Launch ${each().name}`}
              href=${() => href(hrefOf(`/ui/workflows/${encodeURIComponent(each().name)}`, { tab: "launch" }))}>Launch</a>`)} ${pauseButton(each, again)}`,
        },
      ],
    })}`;
}

/** @param {number | undefined} at */
function nextCell(at) {
  return at === undefined ? "" : html`<time title=${moment(at)}>${() => relative(at, now.value)}</time>`;
}

/** @param {Record<string, string>} labels */
function labelTags(labels) {
  return Object.entries(labels).map(([name, value]) => html`<span class="tag"><bdi>${name}: ${value}</bdi></span> `);
}

/** @param {import("../core/view.js").Computed<string>} text */
function empty(text) {
  return html`<div class="empty">${show(
    () => text.value !== "",
    () => html`<p>No workflow has this text in its name, title or description.</p><button type="button"
        onclick=${() => setQuery({ text: null })}>Clear the filter</button>`,
    () => html`<h2>No workflow is registered yet</h2>
      <p>A workflow is a definition with a name: it keeps its versions, and can be started by people, schedules and webhooks.</p>
      ${show(() => may("run"), () => html`<a class="button primary" href=${href("/ui/edit")}>Write one</a>`)}
      <p>or put a file into <code>WORKFLOWS_DIR</code>, or call <code>PUT /v1/workflows/NAME</code>.</p>`,
  )}</div>`;
}
