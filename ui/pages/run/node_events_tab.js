/** The history of one node: its newest events, earlier ones on demand, and those that come. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { clockTime, duration, milliseconds, moment } from "../../core/time.js";
import { computed, html, show, signal } from "../../core/view.js";
import { notifyError } from "../../parts/notices.js";
import { table } from "../../parts/table.js";
import { openEvent, repeatedMark, summaryOf } from "./events_tab.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {import("../../core/reducer.js").RunEvent} RunEvent */

const PAGE = 200;

/** @param {Unit} unit */
export function nodeEventsTab(unit) {
  const fresh = signal(/** @type {RunEvent[]} */ ([]));
  const earlier = signal(/** @type {{events: RunEvent[], before: number | null} | null} */ (null));
  unit.listen((events) => (fresh.value = [...fresh.peek(), ...events].slice(-5 * PAGE)));
  const path = `${unit.live.path}/history`;
  const page = asked(
    () => "",
    async () => /** @type {{items: RunEvent[], next_before: number | null}} */ (await api.get(path, { node: unit.id, limit: PAGE })),
  );
  const rows = computed(() => {
    const all = new Map([...(earlier.value?.events ?? []), ...(page.answer.value?.items ?? []), ...fresh.value].map((event) => [event.seq, event]));
    const list = [...all.values()].sort((one, other) => one.seq - other.seq);
    return list.map((event, at) => ({ event, delta: at === 0 ? null : Date.parse(event.ts) - Date.parse(list[at - 1].ts) }));
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
  return html`<div class="stack-tight">
    ${show(() => before() !== null, () => html`<button type="button" class="as-link" onclick=${() => void readEarlier()}>Earlier events</button>`)}
    ${table({
      label: `Events of ${unit.id}`,
      rows: () => rows.value,
      keyOf: ({ event }) => event.seq,
      onOpen: ({ event }) => openEvent(event),
      height: "360px",
      least: 340,
      rowHeight: 28,
      empty: () => html`<p class="empty">${() => (page.answer.value === null ? (page.error.value?.message ?? "") : "No events yet.")}</p>`,
      columns: [
        { title: "Time", width: "108px", cell: (row) => html`<time class="number"
            title=${() => moment(milliseconds(row().event.ts))}>${() => clockTime(Date.parse(row().event.ts))}</time>` },
        { title: "After", width: "76px", isEnd: true, cell: (row) => html`<span
            class="muted number">${() => (row().delta === null ? "" : `+${duration(row().delta)}`)}</span>` },
        { title: "Event", width: "minmax(180px, 1fr)", cell: (row) => html`<span
            class=${() => (/failed$|retrying$/.test(row().event.type) ? "strong" : "")}>${() => nameOf(row().event)}</span> ${repeatedMark(() => row().event)}<span
                class="muted text">${() => summaryOf(row().event)}</span>` },
      ],
    })}
  </div>`;
}

/** @param {RunEvent} event */
function nameOf({ type, item }) {
  return `${type.replace(/^node\./, "")}${item === undefined ? "" : ` [${item}]`}`;
}
