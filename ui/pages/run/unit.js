/**
 * What the panel shows: a node of a run, or an item of a mapped node such as `fetch[3]`, and all that the server
 * says of it beside the view of the run. What changes with its state is asked for again when that does.
 */
import { api } from "../../core/api.js";
import { asked } from "../../core/asked.js";
import { stateOf } from "../../core/statuses.js";
import { partsOf } from "../../core/units.js";
import { computed, effect, onDispose, signal } from "../../core/view.js";

/** @typedef {import("../../core/live_run.js").LiveRun} LiveRun */
/** @typedef {import("../../core/reducer.js").RunNode} RunNode */
/** @typedef {import("../../core/reducer.js").RunEvent} RunEvent */
/** @typedef {import("../../core/reducer.js").ErrorObject} ErrorObject */
/** @typedef {{seq: number, ts: string, level: string, message: string, data: any}} LogLine */
/**
 * @typedef {object} Attempt
 * @property {number} attempt
 * @property {number | null} try
 * @property {string} outcome
 * @property {string | null} cause
 * @property {string | null} queued_at
 * @property {string | null} started_at
 * @property {string | null} ended_at
 * @property {string | null} worker
 * @property {ErrorObject | null} error
 * @property {string | null} next_try_at
 * @property {string | null} [waiting_on]
 * @property {string | null} [waiting_since]  when it gave its worker back, also once it has ended
 * @property {{by: string | null, reason: string | null} | null} [operator]
 * @property {number} log_lines
 * @property {LogLine[]} logs
 */
/** @typedef {ReturnType<typeof unitOf>} Unit */

/** Events that change nothing of a unit but what it streams and logs. */
const QUIET = new Set(["node.token", "node.log", "node.progress", "node.event", "stream.reset"]);

/** @param {LiveRun} live @param {string} id */
export function unitOf(live, id) {
  const { base, index } = partsOf(id);
  const path = `${live.path}/nodes/${encodeURIComponent(id)}`;
  /** Raised by events of an item, which the view of a run does not follow. */
  const moves = signal(0);
  const parent = () => (live.version.value, live.node(base));
  const [parentStamp, isThere] = [computed(() => stampOf(parent())), computed(() => parent() !== undefined)];

  /** @param {RunEvent} event */
  const isMine = (event) => event.node_id === base && (index === null ? event.item === undefined : event.item === index);
  /** Hear of this unit's events. @param {(events: RunEvent[]) => void} listener */
  const listen = (listener) =>
    onDispose(
      live.listen((events) => {
        const mine = events.filter(isMine);
        if (mine.length > 0) listener(mine);
      }),
    );
  listen((events) => {
    if (events.some(({ type }) => !QUIET.has(type))) moves.value++;
  });

  const row = asked(
    () => (index === null ? null : `${moves.value} ${parentStamp.value}`),
    async () => {
      const page = await api.get(`${live.path}/nodes/${encodeURIComponent(base)}/items`, { limit: 1, cursor: index || null });
      const found = page.items[0];
      return found?.index === index ? found : null;
    },
  );
  /** As it stands now; undefined while it is not known. @returns {RunNode | undefined} */
  const node = () => {
    const whole = parent();
    if (index === null || whole === undefined || row.answer.value === null) return index === null ? whole : undefined;
    const { value: _, output: __, ...rest } = row.answer.value;
    return { ...whole, items: null, because_of: [], progress: undefined, text: undefined, reused: false, ...rest, node_id: id };
  };
  const state = computed(() => {
    const found = node();
    return found === undefined ? "pending" : stateOf(found);
  });
  const stamp = computed(() => stampOf(node()));

  // A node's output and its config come in one answer; of an item the output is in its row.
  const whole = asked(
    () => (index === null && isThere.value ? stamp.value : null),
    () => api.get(path, { config: "rendered" }),
  );
  const attempts = asked(
    () => (isThere.value ? stamp.value : null),
    async () => /** @type {{items: Attempt[], truncated: boolean}} */ (await api.get(`${path}/attempts`)),
  );
  const explanation = asked(
    () => (!isThere.value || state.value === "completed" || state.value === "failed" ? null : `${stamp.value} ${runStatus(live)}`),
    () => api.get(`${path}/explain`),
  );

  // An output that is too large for the view is read on demand.
  const readOutput = signal(/** @type {{value: any} | null} */ (null));
  effect(() => {
    void stamp.value;
    readOutput.value = null;
  });
  const shownOutput = () => (index === null ? whole.answer.value?.output : row.answer.value?.output);
  const output = {
    /** The bytes of an output that is not here yet, else null. @returns {number | null} */
    missing: () => (readOutput.value === null && isCut(shownOutput()) ? shownOutput().bytes : null),
    /** Undefined while it is not known. */
    value: () => (readOutput.value !== null ? readOutput.value.value : isCut(shownOutput()) ? undefined : shownOutput()),
    read: async () => void (readOutput.value = { value: await api.get(`${path}/output`) }),
  };

  const answers = { output, attempts, explanation, row: row.answer, whole: whole.answer };
  return { live, id, base, index, path, isThere, node, parent, state, stamp, listen, ...answers, failures: [row.error, whole.error, attempts.error] };
}

/** @param {RunNode | undefined} node */
function stampOf(node) {
  if (node === undefined) return "";
  const { status, reason, waiting_on: waitingOn, attempt, try: tries, due_at: dueAt, started_at: startedAt, ended_at: endedAt, items } = node;
  return JSON.stringify([status, reason, waitingOn, attempt, tries, dueAt, startedAt, endedAt, items]);
}

/** @param {LiveRun} live */
export function runStatus(live) {
  void live.head.value;
  return live.run?.execution.status ?? "";
}

/** @param {any} output */
function isCut(output) {
  return output?.truncated === true && typeof output.href === "string" && typeof output.bytes === "number";
}
