/** All runs: a live table, filters that stay in the address, and what can be done with several at once. */
import { ApiError, api, isReachable } from "../core/api.js";
import { cost, number, plural, shortId } from "../core/format.js";
import { runsWith } from "../core/labels.js";
import { go, href, route, setQuery } from "../core/router.js";
import { feedState, isOperator, listenToFeed, may } from "../core/session.js";
import { beganAt, moment, now, relative, took } from "../core/time.js";
import { computed, effect, html, onDispose, show, signal } from "../core/view.js";
import { loading } from "../parts/lazy.js";
import { problemList } from "../parts/problems.js";
import { newSelection, selectionColumn } from "../parts/selection.js";
import { progressBar, statusChip } from "../parts/status.js";
import { table } from "../parts/table.js";
import { bulkActions } from "./runs/bulk.js";
import { filterBar, filtersOf, isOfStarter, isWanted } from "./runs/filters.js";
import { histogram } from "./runs/histogram.js";
import { emptyRuns, workersMissing } from "./runs/empty.js";

export const title = "Runs";
const PAGE = 50;
/** How often a list is read that the feed cannot complete. */
const AGAIN_MS = 5_000;

/** @typedef {Record<string, any>} Row  an execution as the list has it */

export function page() {
  const rows = signal(/** @type {Row[]} */ ([]));
  const counts = signal(/** @type {Record<string, number>} */ ({}));
  const cursor = signal(/** @type {string | null} */ (null));
  const isLoaded = signal(false);
  const error = signal(/** @type {ApiError | null} */ (null));
  /** Rows that came while the table is scrolled down. */
  const held = signal(/** @type {Row[]} */ ([]));
  const selection = newSelection();
  const filters = computed(() => filtersOf(route.value.query));
  /** @type {HTMLElement | undefined} */
  let box;
  let turn = 0;
  /** What the feed brought while the list is read, whose answer may be older. @type {Array<() => void> | null} */
  let meanwhile = null;

  async function read({ isMore = false } = {}) {
    const mine = ++turn;
    if (!isMore) meanwhile = [];
    try {
      const query = { ...filters.value.query, limit: PAGE, cursor: isMore ? cursor.peek() : null, counts: isMore ? null : true };
      const found = await api.get("/v1/executions", query);
      if (mine !== turn) return;
      rows.value = isMore ? merged(rows.peek(), found.items) : found.items;
      cursor.value = found.next_cursor;
      error.value = null;
      isLoaded.value = true;
      if (isMore) return;
      counts.value = found.counts ?? {};
      held.value = [];
      meanwhile?.forEach((change) => change());
      meanwhile = null;
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (mine === turn) error.value = problem;
    }
  }
  /** @param {() => void} change */
  function hear(change) {
    meanwhile?.push(change);
    change();
  }
  /** @param {string} id */
  function drop(id) {
    for (const list of [rows, held]) list.value = list.peek().filter((row) => row.execution_id !== id);
  }
  /** @param {Row} row */
  function take(row) {
    const at = rows.peek().findIndex((each) => each.execution_id === row.execution_id);
    const isShown = isWanted(row, filters.value);
    if (at >= 0) {
      rows.value = isShown ? rows.peek().with(at, row) : rows.peek().toSpliced(at, 1);
    } else if (isShown && !isOfStarter(filters.value) && !isOlder(row, rows.peek())) {
      if (box && box.scrollTop > 40) held.value = merged([row], held.peek());
      else rows.value = merged([row], rows.peek());
    }
  }
  let isReading = false;
  const readMore = async () => {
    if (isReading || cursor.peek() === null) return;
    isReading = true;
    await read({ isMore: true });
    isReading = false;
  };
  const showHeld = () => {
    rows.value = merged(held.peek(), rows.peek());
    held.value = [];
    if (box) box.scrollTop = 0;
  };
  effect(() => {
    void filters.value;
    selection.clear();
    void read();
  });
  effect(() => {
    if (isReachable.value && error.peek() !== null) void read();
  });
  const again = setInterval(() => {
    if (!document.hidden && isOfStarter(filters.peek()) && !(box && box.scrollTop > 40)) void read();
  }, AGAIN_MS);
  onDispose(() => clearInterval(again));
  onDispose(
    listenToFeed({
      onReady: () => void read(),
      onExecution: (row) => hear(() => take(row)),
      onRemoved: (id) => hear(() => drop(id)),
    }),
  );

  const isLive = () => feedState.value === "live" && isReachable.value;
  const isFiltered = () => filters.value.chips.length > 0;
  return html`<div class="page-head"><h1>Runs</h1>
      <span class=${() => `connection ${isLive() ? "live" : "reconnecting"}`}>${() => (isLive() ? "live" : "connecting")}</span>
      ${show(() => may("run"), () => html`<a class="button" href=${href("/ui/edit")}>New workflow</a>`)}</div>
    ${show(isOperator, () => workersMissing())}
    ${show(() => rows.value.length > 1, () => histogram(() => rows.value.slice(0, 50)))}
    ${filterBar(filters, counts)}
    ${bulkActions(selection, () => rows.value, () => void read())}
    ${show(() => held.value.length > 0, () =>
        html`<p><button type="button" onclick=${showHeld}>${() => `Show ${plural(held.value.length, "new run")}`}</button></p>`)}
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${table({
      label: "Runs",
      rows: () => rows.value,
      keyOf: (row) => row.execution_id,
      onOpen: (row) => go(`/ui/runs/${encodeURIComponent(row.execution_id)}`),
      onNearEnd: () => void readMore(),
      height: "calc(100vh - 260px)",
      least: 860,
      ref: (element) => (box = element),
      empty: () =>
        show(
          () => isLoaded.value,
          () => emptyRuns(isFiltered, () => setQuery(filters.value.none)),
          () => show(() => error.value === null, loading),
        ),
      columns: [
        selectionColumn(selection, (row) => row.execution_id, (row) => `${row.name} ${row.execution_id}`),
        { title: "Status", width: "120px", cell: (row) => statusChip(() => row().status.toLowerCase()) },
        {
          title: "Workflow",
          width: "minmax(160px, 1fr)",
          cell: (row) =>
            html`<a href=${() => href(`/ui/runs/${encodeURIComponent(row().execution_id)}`)}><bdi class="strong">${() => row().name}</bdi></a>${() =>
              row().workflow_version ? html`<span class="muted beside">v${row().workflow_version}</span>` : null}${() => labelTags(row())}`,
        },
        {
          title: "Run",
          width: "180px",
          cell: (row) => html`<span class="mono muted" title=${() => row().execution_id}>${() => shortId(row().execution_id)}</span>`,
        },
        {
          title: "Started",
          width: "110px",
          cell: (row) => html`<time title=${() => moment(beganAt(row()))}>${() => relative(beganAt(row()), now.value)}</time>`,
        },
        { title: "Took", width: "110px", isEnd: true, cell: (row) => html`<span class="number">${() => took(row())}</span>` },
        { title: "Progress", width: "120px", cell: (row) => progressBar(() => partsOf(row())) },
        { title: "Cost", width: "80px", isEnd: true, cell: (row) => html`<span class="number">${() => cost(row().cost_usd)}</span>` },
      ],
    })}
    <p class="muted" aria-live="polite">${() => {
      if (cursor.value) return `The newest ${number(rows.value.length)}; scroll for more.`;
      return isLoaded.value ? plural(rows.value.length, "run") : "";
    }}</p>`;
}

/** Two lists as one, each run once. @param {Row[]} front @param {Row[]} back */
function merged(front, back) {
  const ids = new Set(front.map((row) => row.execution_id));
  return [...front, ...back.filter((row) => !ids.has(row.execution_id))];
}

/** Whether a row belongs behind all that are shown. @param {Row} row @param {Row[]} shown */
function isOlder(row, shown) {
  return shown.length >= PAGE && row.created_at < shown[shown.length - 1].created_at;
}

/** @param {Row} row */
function partsOf(row) {
  // Runs from before progress was counted have none.
  if (!row.progress) return [{ state: row.ended_at ? row.status.toLowerCase() : "pending", count: 1 }];
  const { total, ended, failed } = row.progress;
  return [
    { state: "failed", count: failed },
    { state: "completed", count: ended - failed },
    { state: "pending", count: total - ended },
  ];
}

/** @param {Row} row */
function labelTags(row) {
  return Object.entries(row.labels).map(
    ([name, value]) => html`<a class="tag beside" href=${runsWith(name, value)}><bdi>${name}: ${value}</bdi></a>`,
  );
}
