/** The items of a mapped node: how many stand where, and each of them, to open like a node. */
import { ApiError, api } from "../../core/api.js";
import { errorLine, inOneLine, number, plural } from "../../core/format.js";
import { stateOf } from "../../core/statuses.js";
import { took } from "../../core/time.js";
import { computed, effect, html, onDispose, show, signal } from "../../core/view.js";
import { notifyError } from "../../parts/notices.js";
import { progressBar, statusChip } from "../../parts/status.js";
import { table } from "../../parts/table.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {Record<string, any>} Item  as the list has it */

const PAGE = 200;
/** Rows of items that move are read again at most this often, and so many pages at once. */
const READ_AGAIN_MS = 1_000;
const PAGES_AT_ONCE = 5;
/** The state of each count. @type {Array<[string, string]>} */
const COUNTS = [
  ["failed", "failed"],
  ["active", "running"],
  ["completed", "completed"],
  ["skipped", "skipped"],
  ["cancelled", "cancelled"],
  ["waiting", "pending"],
];
const STATUSES = ["FAILED", "RUNNING", "WAITING", "QUEUED", "PENDING", "COMPLETED", "SKIPPED", "CANCELLED"];

/** @param {Unit} unit @param {(id: string) => void} onSelect */
export function itemsView(unit, onSelect) {
  const counts = () => unit.parent()?.items ?? {};
  const path = `${unit.path}/items`;
  const status = signal("");
  /** By index, in order. */
  const rows = signal(/** @type {Map<number, Item>} */ (new Map()));
  /** Where the next page begins; null where there is none. */
  const next = signal(/** @type {string | null} */ (null));
  /** Beginnings of pages in which something moved. @type {Set<number>} */
  const moved = new Set();
  let turn = 0;
  let timer = 0;
  let isReading = false;
  onDispose(() => ((turn = -1), clearTimeout(timer)));

  /** @param {string | null} cursor  null begins */
  async function read(cursor) {
    if (isReading && cursor !== null) return;
    const mine = cursor === null ? ++turn : turn;
    isReading = true;
    try {
      const page = await api.get(path, { limit: PAGE, cursor, status: status.peek() });
      if (mine !== turn) return;
      rows.value = new Map([...(cursor === null ? [] : rows.peek()), ...page.items.map((/** @type {Item} */ item) => [item.index, item])]);
      next.value = page.next_cursor;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === turn) notifyError(error);
    } finally {
      isReading = false;
    }
  }
  async function readMoved() {
    timer = 0;
    const mine = turn;
    const end = next.peek() === null ? Infinity : Number(next.peek());
    const starts = [...moved].filter((start) => start < end).slice(0, PAGES_AT_ONCE);
    starts.forEach((start) => moved.delete(start));
    for (const start of starts) {
      const page = await api.get(path, { limit: PAGE, cursor: start || null, status: status.peek() }).catch(() => null);
      if (page === null || mine !== turn) return;
      const kept = [...rows.peek()].filter(([index]) => index < start || index >= start + PAGE);
      const fresh = page.items.filter((/** @type {Item} */ item) => item.index < Math.min(start + PAGE, end));
      rows.value = new Map([...kept, ...fresh.map((/** @type {Item} */ item) => [item.index, item])].sort(([one], [other]) => one - other));
    }
    if (moved.size > 0 && starts.length > 0) later();
  }
  const later = () => {
    if (timer === 0 && turn >= 0) timer = setTimeout(() => void readMoved(), READ_AGAIN_MS);
  };
  /** @param {number} index */
  const move = (index) => {
    moved.add(index - (index % PAGE));
    later();
  };
  onDispose(
    unit.live.listen((events) => {
      for (const { node_id: id, item } of events) if (id === unit.base && item !== undefined) move(item);
    }),
  );
  // A node knows its items when it has begun.
  const total = computed(() => counts().total ?? 0);
  effect(() => {
    void status.value;
    void total.value;
    void read(null);
  });
  // What happened while the stream was away is not among the events.
  effect(() => {
    if (unit.live.connection.value !== "live") return;
    const last = [...rows.peek().keys()].at(-1) ?? -1;
    for (let start = 0; start <= last; start += PAGE) move(start);
  });

  const heading = () => {
    const { total: all = 0, failed = 0, tolerated = 0 } = counts();
    return `${plural(all, "item")}${failed > 0 ? `, ${number(failed)} failed of ${number(tolerated)} tolerated` : ""}`;
  };
  const stateOfItem = (/** @type {Item} */ item) => stateOf(/** @type {any} */ (item));
  return html`<section class="stack-tight" aria-label="Items">
    <div class="row spread"><h3>${heading}</h3>
      <select aria-label="Items with status" .value=${status.peek()}
          onchange=${(/** @type {Event} */ event) => (status.value = /** @type {HTMLSelectElement} */ (event.target).value)}><option
              value="">all</option>${STATUSES.map((each) => html`<option value=${each}>${each.toLowerCase()}</option>`)}</select></div>
    ${progressBar(() => COUNTS.map(([name, state]) => ({ state, count: counts()[name] ?? 0 })))}
    ${table({
      label: `Items of ${unit.base}`,
      rows: () => [...rows.value.values()],
      keyOf: (item) => item.index,
      onOpen: (item) => onSelect(`${unit.base}[${item.index}]`),
      onNearEnd: () => void (next.peek() !== null && read(next.peek())),
      height: "260px",
      least: 340,
      rowHeight: 28,
      empty: () => show(() => rows.value.size === 0, () => html`<p
          class="empty">${() => (status.value ? "No item has this status." : "Its items are not known yet.")}</p>`),
      columns: [
        { title: "#", width: "56px", isEnd: true, cell: (row) => html`<span class="number">${() => row().index}</span>` },
        { title: "Status", width: "128px", cell: (row) => statusChip(() => stateOfItem(row())) },
        { title: "Item", width: "minmax(110px, 1fr)", cell: (row) => html`<span class="text"
            title=${() => errorLine(row().error)}>${() => (row().error ? errorLine(row().error) : inOneLine(row().value, 80))}</span>` },
        { title: "Took", width: "76px", isEnd: true, cell: (row) => html`<span class="number muted">${() => took(row(), row().status === "RUNNING")}</span>` },
      ],
    })}
  </section>`;
}
