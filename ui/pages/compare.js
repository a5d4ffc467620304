/** Two runs side by side: what was put in, how each node went, and what came out. */
import { api } from "../core/api.js";
import { asked } from "../core/asked.js";
import { inOneLine, shortId } from "../core/format.js";
import { href, route, setQuery } from "../core/router.js";
import { listenToFeed } from "../core/session.js";
import { stateOf } from "../core/statuses.js";
import { duration, milliseconds, moment, took } from "../core/time.js";
import { computed, html, onDispose, show, signal } from "../core/view.js";
import { differences } from "../parts/json_diff.js";
import { problemList } from "../parts/problems.js";
import { statusChip } from "../parts/status.js";
import { table } from "../parts/table.js";

export const title = "Compare";

/** @typedef {{id: string, a: any, b: any}} Pair  one node in both runs; null where a run has none */

export function page() {
  const ids = computed(() => {
    const { a, b } = route.value.query;
    return a && b ? JSON.stringify([a, b]) : null;
  });
  const { answer: runs, error } = asked(
    () => ids.value,
    () => Promise.all(JSON.parse(ids.peek() ?? "[]").map((/** @type {string} */ id) => api.get(`/v1/executions/${encodeURIComponent(id)}`))),
  );
  const onlyDifferent = signal(false);
  // It says at once when the session ends.
  onDispose(listenToFeed({}));
  const swap = () => setQuery({ a: route.peek().query.b, b: route.peek().query.a });
  return html`<div class="page-head"><h1>Compare two runs</h1><button type="button" onclick=${swap}>Swap</button></div>
    ${show(() => error.value !== null, () => problemList(() => error.value))}
    ${show(() => ids.value === null, () => html`<div class="empty"><p>Select two runs in <a
        href=${href("/")}>the list</a>, and press Compare.</p></div>`)}
    ${() => (runs.value === null ? null : comparison(runs.value, onlyDifferent))}`;
}

/** @param {any[]} runs @param {import("../core/view.js").Signal<boolean>} onlyDifferent */
function comparison([a, b], onlyDifferent) {
  const pairs = pairsOf(a, b);
  const rows = () => pairs.filter((pair) => !onlyDifferent.value || isDifferent(pair));
  return html`<div class="columns-2">${[a, b].map(headOf)}</div>
    <section class="card stack"><h2>Inputs</h2>${differences(a.inputs ?? {}, b.inputs ?? {})}</section>
    <section class="stack">
      <div class="row spread"><h2>Nodes</h2><label><input type="checkbox"
          onchange=${(/** @type {any} */ event) => (onlyDifferent.value = event.target.checked)}>only those that differ</label></div>
      ${table({
        label: "Nodes of both runs",
        rows,
        keyOf: (pair) => pair.id,
        least: 820,
        empty: () => html`<div class="empty">No node differs.</div>`,
        columns: [
          { title: "Node", width: "minmax(120px, 1fr)", cell: (pair) => html`<bdi class="strong">${() => pair().id}</bdi>` },
          ...[/** @type {"a"} */ ("a"), /** @type {"b"} */ ("b")].flatMap((side) => [
            {
              title: side === "a" ? "First" : "Second",
              width: "130px",
              cell: (/** @type {() => Pair} */ pair) =>
                html`${() => (pair()[side] ? statusChip(() => stateOf(pair()[side])) : html`<span class="muted">missing</span>`)}`,
            },
            {
              title: "Took",
              width: "90px",
              isEnd: true,
              cell: (/** @type {() => Pair} */ pair) => html`<span class="number">${() => took(pair()[side], false)}</span>`,
            },
          ]),
          { title: "Slower by", width: "100px", isEnd: true, cell: (pair) => html`<span class="number">${() => slowerOf(pair())}</span>` },
          { title: "Output", width: "minmax(160px, 2fr)", cell: (pair) => html`<bdi class="text">${() => outputsOf(pair())}</bdi>` },
        ],
      })}
    </section>
    <section class="card stack"><h2>Output</h2>${differences(a.output, b.output)}</section>`;
}

/** @param {any} run */
function headOf(run) {
  return html`<section class="card stack">
    <div class="row">${statusChip(() => run.status.toLowerCase())}<a class="strong"
        href=${href(`/ui/runs/${encodeURIComponent(run.execution_id)}`)}><bdi>${run.name}</bdi></a></div>
    <div class="muted"><span class="mono">${shortId(run.execution_id)}</span>, ${moment(milliseconds(run.started_at))}, ${took(run, false)}</div></section>`;
}

/** @param {any} a @param {any} b @returns {Pair[]} */
function pairsOf(a, b) {
  const [inA, inB] = [a, b].map((run) => new Map(run.nodes.map((/** @type {any} */ node) => [node.node_id, node])));
  return [...new Set([...inA.keys(), ...inB.keys()])].map((id) => ({ id, a: inA.get(id) ?? null, b: inB.get(id) ?? null }));
}

/** @param {Pair} pair */
function isDifferent({ a, b }) {
  return a === null || b === null || a.status !== b.status || JSON.stringify(a.output) !== JSON.stringify(b.output);
}

/** @param {any} timed */
function msOf(timed) {
  const [start, end] = [milliseconds(timed?.started_at), milliseconds(timed?.ended_at)];
  return start === null || end === null ? null : end - start;
}

/** @param {Pair} pair */
function slowerOf({ a, b }) {
  const [first, second] = [msOf(a), msOf(b)];
  if (first === null || second === null || first === second) return "";
  return `${second > first ? "+" : "−"}${duration(Math.abs(second - first))}`;
}

/** @param {Pair} pair */
function outputsOf({ a, b }) {
  if (a === null || b === null) return "";
  if (JSON.stringify(a.output) === JSON.stringify(b.output)) return a.output === null ? "" : "equal";
  return `${inOneLine(a.output, 60)} → ${inOneLine(b.output, 60)}`;
}
