/** The history of a run as a list that is followed to its end, and read backwards from there. */
import { api } from "../../core/api.js";
import { errorLine, fieldsInOneLine, inOneLine, plural } from "../../core/format.js";
import { clockTime, duration } from "../../core/time.js";
import { effect, html, onDispose, show, signal } from "../../core/view.js";
import { jsonTree } from "../../parts/json_tree.js";
import { notifyError } from "../../parts/notices.js";
import { shortcuts } from "../../parts/shortcuts.js";
import { table } from "../../parts/table.js";
import { openDialog } from "../../parts/dialog.js";
import { sendSignal } from "./actions.js";
import { EventRows } from "./event_rows.js";
import { may } from "../../core/session.js";

/** @typedef {import("../../core/reducer.js").RunEvent} RunEvent */

const PAGE = 500;
/** Events of the engine's own doing, or pieces of a text: shown when they are asked for. */
const INTERNAL = new Set(["node.token", "stream.reset", "node.queued", "node.held"]);
/** Why a node is queued again that everyone who watches wants to know. */
const TAKEN_BACK = new Set(["lease_lost", "drain", "repair"]);

/** @param {RunEvent} event */
const isInternal = ({ type, data }) => INTERNAL.has(type) && !(type === "node.queued" && TAKEN_BACK.has(data.cause));

/** @param {import("../run.js").RunView} view */
export function eventsTab({ live, nodeId, select }) {
  const list = new EventRows();
  /** Raised when the list has other rows. */
  const moves = signal(0);
  const rows = () => (void moves.value, list.rows);
  const text = signal("");
  const isInternalShown = signal(false);
  const isFollowing = signal(true);
  const hasOlder = signal(false);
  let isReading = false;
  /** @type {HTMLElement | undefined} */
  let box;

  async function readOlder() {
    if (isReading) return;
    isReading = true;
    try {
      const page = await api.get(`${live.path}/history`, { before: list.first, limit: PAGE });
      hasOlder.value = page.next_before !== null;
      list.prepend(page.items);
      moves.value++;
    } catch (error) {
      notifyError(error);
    } finally {
      isReading = false;
    }
  }
  void readOlder().then(follow);
  onDispose(
    live.listen((news) => {
      const { first } = list;
      if (!list.append(news)) {
        // Events between these and the listed ones were missed: list the new ones, and read backwards from there.
        list.restart(news);
        void readOlder();
      } else if (first !== null && first !== list.first) hasOlder.value = true;
      moves.value++;
      follow();
    }),
  );
  shortcuts([{ keys: ".", does: "follow the newest events, or stop", run: () => ((isFollowing.value = !isFollowing.peek()), follow()) }]);
  function follow() {
    if (isFollowing.peek()) requestAnimationFrame(() => box && (box.scrollTop = box.scrollHeight));
  }
  effect(() => {
    const words = text.value.trim().split(/\s+/).filter(Boolean).map(matcher);
    const isAll = isInternalShown.value;
    list.filter((event) => (isAll || !isInternal(event)) && words.every((fits) => fits(event)));
    moves.value = moves.peek() + 1;
  });
  return html`<div class="stack">
    <div class="row">
      <input type="search" aria-label="Filter events" placeholder="type:node.failed node:fetch* text" class="wide"
          oninput=${(/** @type {any} */ event) => (text.value = event.target.value)}>
      <label><input type="checkbox" onchange=${(/** @type {any} */ event) => (isInternalShown.value = event.target.checked)}>internal</label>
      <label><input type="checkbox" .checked=${() => isFollowing.value}
          onchange=${(/** @type {any} */ event) => ((isFollowing.value = event.target.checked), follow())}>follow</label>
      <span class="muted number">${() => plural(rows().length, "event")}</span>
      ${show(() => hasOlder.value, () => html`<button type="button" onclick=${() => void readOlder()}>Older</button>`)}
      ${show(() => may("run"), () => html`<button type="button" onclick=${() => sendSignal(live)}>Send signal…</button>`)}
    </div>
    ${table({
      label: "Events",
      rows,
      keyOf: ({ event }) => event.seq,
      onOpen: ({ event }) => openEvent(event),
      least: 640,
      isRecycled: true,
      rowHeight: 28,
      ref: (element) => {
        box = element;
        element.addEventListener("wheel", () => (isFollowing.value = false), { passive: true });
      },
      empty: () => html`<div class="empty">No event matches.</div>`,
      columns: [
        { title: "No.", width: "72px", isEnd: true, cell: (row) => html`<span class="number muted">${() => row().event.seq}</span>` },
        { title: "Time", width: "110px", cell: (row) => html`<time class="mono">${() => clockTime(Date.parse(row().event.ts))}</time>` },
        {
          title: "After",
          width: "84px",
          isEnd: true,
          cell: (row) => html`<span class="number muted">${() => (row().sinceMs === null ? "" : `+${duration(row().sinceMs)}`)}</span>`,
        },
        { title: "Event", width: "170px", cell: (row) => html`<span class="mono">${() => row().event.type}</span>` },
        { title: "Node", width: "minmax(100px, 200px)", cell: (row) => nodeLink(() => row().event) },
        { title: "Details", width: "minmax(200px, 1fr)", cell: (row) => html`${repeatedMark(() => row().event)}<bdi
            class="text">${() => summaryOf(row().event)}</bdi>` },
      ],
    })}
  </div>`;

  /** @param {() => RunEvent} event */
  function nodeLink(event) {
    return html`<button type="button" class="as-link" hidden=${() => event().node_id === undefined} onclick=${() => select(unitOf(event()))}><bdi>${() =>
        unitOf(event())}</bdi></button>`;
  }
}

/** The mark of an event that an attempt which was lost may have written before. @param {() => RunEvent} event  followed */
export function repeatedMark(event) {
  return html`<span class="tag" hidden=${() => event().data.repeated !== true}
      title="Written again: an attempt that was lost may have written it before">repeated</span> `;
}

/** @param {RunEvent} event */
export function openEvent(event) {
  openDialog({ title: `Event ${event.seq}: ${event.type}`, isWide: true, body: () => jsonTree(() => event) });
}

/** @param {RunEvent} event */
function unitOf({ node_id: nodeId, item }) {
  return item === undefined ? (nodeId ?? "") : `${nodeId}[${item}]`;
}

/** An event in one line. @param {RunEvent} event */
export function summaryOf({ type, attempt, data }) {
  if (data.error) return inOneLine(errorLine(data.error), 300);
  switch (type) {
    case "node.queued":
      return data.cause === "lease_lost" ? "again: its worker was lost, and the try is not charged" : String(data.cause ?? "").replaceAll("_", " ");
    case "node.log":
      return inOneLine(`${data.level}: ${data.message}`, 300);
    case "node.progress":
      return [data.fraction === null || data.fraction === undefined ? "" : `${Math.round(data.fraction * 100)} %`, data.message ?? ""].join(" ");
    case "node.token":
      return inOneLine(data.text, 200);
    case "node.started":
      return `attempt ${attempt}${data.worker ? ` on ${data.worker}` : ""}`;
    case "node.waiting":
      return `for ${String(data.waiting_on).replaceAll("_", " ")}`;
    case "node.event":
      return `${data.type} ${fieldsInOneLine(data.value, 300)}`;
    case "node.skipped":
    case "node.cancelled":
    case "execution.failed":
    case "execution.cancelled":
      return String(data.reason ?? "").replaceAll("_", " ");
    default:
      return fieldsInOneLine(data, 300);
  }
}

/** What one word of the filter wants. @param {string} word @returns {(event: RunEvent) => boolean} */
function matcher(word) {
  const [, field, value] = /^(?:(type|node):)?(.*)$/.exec(word) ?? [];
  const pattern = new RegExp(`^${value.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")).join(".*")}${field ? "$" : ""}`, "i");
  if (field === "type") return (event) => pattern.test(event.type);
  if (field === "node") return (event) => pattern.test(unitOf(event)) || pattern.test(event.node_id ?? "");
  const small = word.toLowerCase();
  return (event) => JSON.stringify(event).toLowerCase().includes(small);
}
