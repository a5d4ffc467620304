/** What a durable handler has written down: its snapshot, and the entries behind it, the newest last. */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { bytes, fieldsInOneLine, number, plural } from "../../core/format.js";
import { computed, effect, html, onDispose, show, signal } from "../../core/view.js";
import { openDialog } from "../../parts/dialog.js";
import { jsonTree } from "../../parts/json_tree.js";
import { loading } from "../../parts/lazy.js";
import { notifyError } from "../../parts/notices.js";
import { problemList } from "../../parts/problems.js";
import { table } from "../../parts/table.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {{number: number, data: any, size: number}} Entry  size in bytes of its JSON */
/** @typedef {{last: number, through: number, snapshot: any, bytes: number, items: Entry[]}} Part  of a journal */

const PAGE = 100;
/** An entry is no event of the run: while the handler works, its journal is read again this often. */
const LOOK_EVERY_MS = 3_000;

/** @param {Unit} unit */
export function journalTab(unit) {
  const path = `${unit.path}/journal`;
  /** Those that have been read, ascending, and none between them missing. */
  const entries = signal(/** @type {Entry[]} */ ([]));
  const { answer, error, again, isAsking } = asked(
    () => unit.stamp.value,
    async () => {
      const known = entries.peek().at(-1)?.number ?? 0;
      const [inbox, end] = await Promise.all([api.get(`${unit.path}/inbox`), readPart(path, known || null)]);
      // A journal that ends before what is known of it is another one, of an item that was listed anew.
      const part = end.last < known ? await readPart(path, null) : end;
      entries.value = joined(end.last < known ? [] : entries.peek(), part);
      return { ...part, waiting: inbox.last - inbox.taken, taken: inbox.taken };
    },
  );
  unit.listen((events) => events.some(({ type }) => type === "letter.received") && void again());
  const timer = setInterval(() => document.hidden || unit.node()?.status !== "RUNNING" || isAsking() || void again(), LOOK_EVERY_MS);
  onDispose(() => clearInterval(timer));
  const journal = computed(() => answer.value);
  return show(
    () => journal.value !== null,
    () => html`<div class="stack">
      ${facts(/** @type {() => any} */ (() => journal.value))}
      ${show(() => (journal.value?.through ?? 0) > 0, () => snapshotOf(unit, /** @type {() => any} */ (() => journal.value)))}
      ${entryList(unit, path, entries, () => journal.value?.through ?? 0)}
    </div>`,
    () => show(() => error.value !== null, () => problemList(() => error.value), loading),
  );
}

/**
 * Read the entries behind a number, to the end or `to`; null reads the last page. Raises ApiError.
 * @param {string} path @param {number | null} after @param {number} [to] @returns {Promise<Part>}
 */
async function readPart(path, after, to = Infinity) {
  let part = after === null ? await api.get(path, { limit: 1 }) : null;
  let next = /** @type {number | null} */ (part === null ? after : Math.max(part.through, part.last - PAGE));
  /** @type {Entry[]} */
  const items = [];
  // One answer has as many as fit into it.
  while (next !== null && next < to) {
    part = await api.get(path, { after: next, limit: Math.min(PAGE, to - next) });
    items.push(...part.items.map((/** @type {any} */ { number: at, data }) => ({ number: at, data, size: sizeOf(data) })));
    next = part.next_after;
  }
  return { ...part, items };
}

/** All entries that are known, without those that the snapshot stands for now. @param {Entry[]} known @param {Part} part */
function joined(known, { through, items }) {
  const all = new Map([...known, ...items].map((entry) => [entry.number, entry]));
  return [...all.values()].filter((entry) => entry.number > through).sort((one, other) => one.number - other.number);
}

/** @param {any} value */
function sizeOf(value) {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** @param {() => any} journal */
function facts(journal) {
  const kept = () => journal().last - journal().through;
  return html`<dl class="facts number">
    <dt>Entries</dt><dd>${() => (journal().last === 0 ? "none yet" : `${number(kept())} of ${number(journal().last)} kept, ${bytes(journal().bytes)}`)}</dd>
    <dt>Letters</dt><dd>${() => `${journal().waiting === 1 ? "1 waits" : `${number(journal().waiting)} wait`}, ${number(journal().taken)} taken`}</dd>
  </dl>`;
}

/** @param {Unit} unit @param {() => any} journal */
function snapshotOf(unit, journal) {
  return html`<section class="stack-tight" aria-label="Snapshot"><h3>Snapshot</h3>
    <p class="muted number">${() => `In place of ${plural(journal().through, "entry", "entries")}; ${bytes(sizeOf(journal().snapshot))}.`}</p>
    ${jsonTree(() => journal().snapshot, { label: "the snapshot", name: `${unit.id}-snapshot` })}</section>`;
}

/** @param {Unit} unit @param {string} path @param {import("../../core/view.js").Signal<Entry[]>} entries @param {() => number} through */
function entryList(unit, path, entries, through) {
  let isFollowing = true;
  /** @type {HTMLElement | undefined} */
  let box;
  effect(() => {
    void entries.value;
    requestAnimationFrame(() => box && isFollowing && (box.scrollTop = box.scrollHeight));
  });
  const missing = () => (entries.value[0]?.number ?? 0) - 1 - through();
  const readEarlier = async () => {
    isFollowing = false;
    const before = entries.peek()[0].number - 1;
    try {
      entries.value = joined(entries.peek(), await readPart(path, Math.max(through(), before - PAGE), before));
    } catch (problem) {
      notifyError(problem);
    }
  };
  return html`<section class="stack-tight" aria-label="Entries">
    ${show(() => missing() > 0, () => html`<button type="button" class="as-link"
        onclick=${() => void readEarlier()}>${() => `Earlier entries: ${number(missing())}`}</button>`)}
    ${table({
      label: `Journal of ${unit.id}`,
      rows: () => entries.value,
      keyOf: (entry) => entry.number,
      onOpen: (entry) => openEntry(unit, entry),
      height: "360px",
      rowHeight: 28,
      ref: (element) => {
        box = element;
        const onScroll = () => (isFollowing = element.scrollTop + element.clientHeight > element.scrollHeight - 24);
        element.addEventListener("scroll", onScroll, { passive: true });
      },
      empty: () => html`<p class="empty">${() => (through() > 0 ? "No entry since the snapshot." : "No entry yet.")}</p>`,
      columns: [
        { title: "No.", width: "64px", isEnd: true, cell: (row) => html`<span class="number muted">${() => row().number}</span>` },
        { title: "Size", width: "80px", isEnd: true, cell: (row) => html`<span class="number muted">${() => bytes(row().size)}</span>` },
        { title: "Entry", width: "minmax(120px, 1fr)", cell: (row) => html`<bdi class="text">${() => fieldsInOneLine(row().data, 300)}</bdi>` },
      ],
    })}</section>`;
}

/** @param {Unit} unit @param {Entry} entry */
function openEntry(unit, { number: at, data, size }) {
  openDialog({
    title: `Entry ${at} of ${unit.id}`,
    isWide: true,
    body: () => html`<p class="muted number">${bytes(size)}</p>${jsonTree(() => data, { label: "the entry", name: `${unit.id}-entry-${at}` })}`,
  });
}
