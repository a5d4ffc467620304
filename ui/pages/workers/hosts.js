/** Handler hosts: the processes in which workers run the handlers of the installation, and why these did not load. */
import { plural, shortId } from "../../core/format.js";
import { href, hrefOf } from "../../core/router.js";
import { colourOf } from "../../core/statuses.js";
import { duration, milliseconds, moment, now } from "../../core/time.js";
import { each, html, show } from "../../core/view.js";
import { cutText } from "../../parts/cut_text.js";
import { icon } from "../../parts/icons.js";
import { stateIcon } from "../../parts/status.js";
import { table } from "../../parts/table.js";
import { textBlock } from "../../parts/text_block.js";

/** @typedef {{unit: string, since: string}} HostRun */
/** @typedef {{kind: string | null, pid: number, state: string, runs: number, rss_mb: number, running: HostRun[]}} Host */
/** @typedef {{worker_id: string, name: string, hosts: Host[], refusal: string | null}} HostsWorker */
/** @typedef {{worker: string, host: Host, run: HostRun | null, key: string, isFirst: boolean}} Row */

/** So many attempts of a host are listed at most. */
const LISTED = 20;
/** A longer first line of a refusal is cut. */
const LONG = 300;
/** The state of a node whose look a host has. @type {Record<string, string>} */
const LOOKS = { starting: "queued", idle: "pending", busy: "running", draining: "paused", gone: "failed" };

/**
 * What keeps handlers from being loaded, once for all workers that say the same.
 * Pure. @param {HostsWorker[]} workers @returns {Array<{text: string, names: string[], runsOn: boolean}>}
 *   runsOn: all of them still have hosts with what was loaded before
 */
export function refusalsOf(workers) {
  /** @type {Map<string, HostsWorker[]>} */
  const found = new Map();
  for (const worker of workers) if (worker.refusal) found.set(worker.refusal, [...(found.get(worker.refusal) ?? []), worker]);
  return [...found].map(([text, those]) => ({
    text,
    names: those.map(({ name }) => name),
    runsOn: those.every(({ hosts }) => hosts.some(({ state }) => state === "idle" || state === "busy")),
  }));
}

/** @param {() => HostsWorker[]} workers */
export function refusals(workers) {
  return html`${each(
    () => refusalsOf(workers()),
    ({ text }) => text,
    (refusal) => html`<section class="banner state-failed stack-tight refusal" role="alert" aria-label="Handlers are not loaded">
      <p class="row nowrap">${icon("failed")}<span class="text"><b>Handlers of your own are not loaded by ${() =>
        `${plural(refusal.value.names.length, "worker")}: ${shortened(refusal.value.names)}.`}</b> ${() =>
        refusal.value.runsOn ? "What was loaded before runs on." : "Nodes that need them wait."} It is tried again without a restart.</span></p>
      <p class="strong text">${cutText(() => refusal.value.text.split("\n", 1)[0], LONG)}</p>
      ${show(
        () => rest(refusal.value.text) !== "",
        () => textBlock("Traceback", () => rest(refusal.value.text)),
      )}
    </section>`,
  )}`;
}

/** What stands below the first line. @param {string} text */
function rest(text) {
  return text.split("\n").slice(1).join("\n");
}

/** @param {string[]} names */
function shortened(names) {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 4).join(", ")} and ${names.length - 4} more`;
}

/**
 * A row for each attempt that a host runs, and one for a host without any.
 * Pure. @param {HostsWorker[]} workers @returns {Row[]}
 */
export function hostRows(workers) {
  return workers.flatMap(({ worker_id: id, name, hosts }) =>
    hosts.flatMap((host) =>
      (host.running.length > 0 ? host.running : [null]).map((run, at) => ({
        worker: name,
        host,
        run,
        key: `${id} ${host.pid} ${run?.unit ?? ""}`,
        isFirst: at === 0,
      })),
    ),
  );
}

/** @param {() => HostsWorker[]} workers */
export function hostsTable(workers) {
  const isCut = () => workers().some(({ hosts }) => hosts.some(({ running }) => running.length >= LISTED));
  return show(
    () => workers().some(({ hosts }) => hosts.length > 0),
    () => html`<section class="stack"><h2>Handler hosts</h2>
      <p class="muted">Processes in which workers run handlers of your own.${() =>
        isCut() ? ` Of each, ${LISTED} attempts at most are listed.` : ""}</p>
      ${table({ label: "Handler hosts", rows: () => hostRows(workers()), keyOf: ({ key }) => key, least: 800, height: "50vh", columns: COLUMNS })}
    </section>`,
  );
}

/** Once for a host; what is said of it again in the rows below stands back. @param {() => Row} row @param {(row: Row) => string} text */
function ofHost(row, text) {
  return html`<bdi class=${() => (row().isFirst ? "number" : "number muted")}>${() => text(row())}</bdi>`;
}

/** Links to the node that is run, and to its run. @param {() => Row} row */
function nowRun(row) {
  const unit = () => row().run?.unit ?? "";
  const run = () => unit().slice(0, unit().indexOf("/"));
  const node = () => unit().slice(unit().indexOf("/") + 1);
  const path = () => `/ui/runs/${encodeURIComponent(run())}`;
  return html`<a class="strong" href=${() => href(hrefOf(path(), { node: node() }))}><bdi>${node}</bdi></a> <span
      class="muted">of</span> <a class="mono" href=${() => href(path())} title=${run}>${() => shortId(run())}</a>`;
}

/** @type {import("../../parts/table.js").Column<Row>[]} */
const COLUMNS = [
  // First, so that a narrow screen shows it without being scrolled.
  { title: "Runs now", width: "minmax(190px, 2fr)", cell: (row) => show(() => row().run !== null, () => nowRun(row), () => html`<span class="muted">nothing</span>`) },
  {
    title: "For",
    width: "100px",
    isEnd: true,
    cell: (row) => {
      const since = () => milliseconds(row().run?.since ?? null);
      return html`<time title=${() => moment(since())}>${() => {
        const ms = since();
        return ms === null ? "" : duration(now.value - ms, { isTicking: true });
      }}</time>`;
    },
  },
  { title: "Process", width: "130px", cell: (row) => ofHost(row, ({ host }) => `${host.kind ?? "new"} ${host.pid}`) },
  {
    title: "State",
    width: "110px",
    cell: (row) => {
      const look = () => LOOKS[row().host.state] ?? "pending";
      return html`<span class=${() => `chip state-${colourOf(look())}`}>${stateIcon(look)}<span>${() => row().host.state}</span></span>`;
    },
  },
  { title: "Worker", width: "minmax(100px, 1fr)", cell: (row) => ofHost(row, ({ worker }) => worker) },
  { title: "Ended", width: "70px", isEnd: true, cell: (row) => ofHost(row, ({ host }) => String(host.runs)) },
  { title: "Memory", width: "90px", isEnd: true, cell: (row) => ofHost(row, ({ host }) => (host.rss_mb > 0 ? `${host.rss_mb} MB` : "–")) },
];
