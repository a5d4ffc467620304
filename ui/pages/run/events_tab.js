/** The history of one node: its newest events, earlier ones on demand, and those that come. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { errorLine, inOneLine } from "../../core/format.js";
import { clockTime, duration, milliseconds, moment } from "../../core/time.js";
import { computed, html, show, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { jsonTree } from "../../parts/json_tree.js";
import { notifyError } from "../../parts/notices.js";
import { table } from "../../parts/table.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {import("../../core/reducer.js").RunEvent} RunEvent */

const PAGE = 200;

/** @param {Unit} unit */
export function eventsTab(unit) {
  const fresh = signal(/** @type {RunEvent[]} */ ([]));
  const earlier = signal(/** @type {{events: RunEvent[], before: number | null} | null} */ (null));
  unit.listen((events) => (fresh.value = [...fresh.peek(), ...events].slice(-5 * PAGE)));
  const path = `${unit.live.path}/history`;
  const page = asked(() => "", async () => /** @type {{items: RunEvent[], next_before: number | null}} */ (await api.get(path, { node: unit.id, limit: PAGE })));
  const rows = computed(() => {
    const all = new Map([...(earlier.value?.events ?? []), ...(page.answer.value?.items ?? []), ...fresh.value].map((event) => [event.seq, event]));
    return [...all.values()].sort((one, other) => one.seq - other.seq).map((event, at, list) => ({ event, delta: at === 0 ? null : Date.parse(event.ts) - Date.parse(list[at - 1].ts) }));
  });
  const before = () => (earlier.value === null ? (page.answer.value?.next_before ?? null) : earlier.value.before);
  const readEarlier = async () => {
    try {
      const found = await api.get(path, { node: unit.id, limit: PAGE, before: before() });
      earlier.value = { events: [...found.items, ...(earlier.peek()?.events ?? [])], before: found.next_before };
    } catch (error) {
      notifyError(error);
    }
  };
  /** @param {{event: RunEvent}} row */
  const open = ({ event }) => openDialog({ title: `${event.seq} ${event.type}`, isWide: true, body: () => html`<p class="muted">${moment(milliseconds(event.ts))}</p>${jsonTree(() => event, { label: "the event", name: `event-${event.seq}` })}` });
  return html`<div class="stack-tight">
    ${show(() => before() !== null, () => html`<button type="button" class="as-link" onclick=${() => void readEarlier()}>Earlier events</button>`)}
    ${table({
      label: `Events of ${unit.id}`,
      rows: () => rows.value,
      keyOf: ({ event }) => event.seq,
      onOpen: open,
      height: "360px",
      least: 340,
      rowHeight: 28,
      empty: () => html`<p class="empty">${() => (page.answer.value === null ? (page.error.value?.message ?? "") : "No event is about it yet.")}</p>`,
      columns: [
        { title: "Time", width: "108px", cell: (row) => html`<time class="number" title=${() => moment(milliseconds(row().event.ts))}>${() => clockTime(Date.parse(row().event.ts))}</time>` },
        { title: "After", width: "76px", isEnd: true, cell: (row) => html`<span class="muted number">${() => (row().delta === null ? "" : `+${duration(row().delta)}`)}</span>` },
        { title: "Event", width: "minmax(180px, 1fr)", cell: (row) => html`<span class=${() => (/failed$|retrying$/.test(row().event.type) ? "strong" : "")}>${() => nameOf(row().event)}</span> <span class="muted text">${() => summaryOf(row().event)}</span>` },
      ],
    })}
  </div>`;
}

/** @param {RunEvent} event */
function nameOf({ type, item }) {
  return `${type.replace(/^node\./, "")}${item === undefined ? "" : ` [${item}]`}`;
}

/** What an event says, in one line. Pure. @param {RunEvent} event */
export function summaryOf({ type, data, attempt }) {
  if (!data || Object.keys(data).length === 0) return attempt ? `attempt ${attempt}` : "";
  if (data.error) return inOneLine(errorLine(data.error), 160);
  if (type === "node.started") return `attempt ${attempt} on ${data.worker ?? "a worker"}`;
  if (type === "node.log") return inOneLine(data.message, 160);
  if (type === "node.token") return inOneLine(data.text, 80);
  const words = Object.entries(data).filter(([, value]) => value !== null && value !== undefined).map(([key, value]) => wordsOf(key, value));
  return inOneLine(words.join(", "), 160);
}

/** @param {string} key @param {any} value */
function wordsOf(key, value) {
  if (key === "due_ms") return `due ${clockTime(value)}`;
  if (key === "delay_ms") return `after ${duration(value)}`;
  return `${key.replaceAll("_", " ")} ${typeof value === "string" ? value : JSON.stringify(value)}`;
}
