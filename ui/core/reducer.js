/**
 * What is known of one execution: a view, and the events that came after it.
 *
 * A view contains all events up to its `seq`, and perhaps a few more; an event that it contains already may be
 * applied again, and after the last one the state is the same. Pure: `apply` changes the run that it is given, and
 * says what it changed. A node that changes is another object afterwards, so that a view of ten
 * thousand finds the few that differ without looking into any.
 */
import { isOver, stateOf } from "./statuses.js";

/** @typedef {{type: string, message: string, retryable?: boolean, details?: any}} ErrorObject */
/**
 * A node as the lean view has it, with what later events changed.
 * @typedef {object} RunNode
 * @property {string} node_id
 * @property {string} handler
 * @property {string[]} dependencies
 * @property {string} status
 * @property {string | null} reason
 * @property {string | null} waiting_on
 * @property {number} attempt
 * @property {number} try
 * @property {number} max_attempts
 * @property {string | null} queued_at
 * @property {string | null} started_at
 * @property {string | null} ended_at
 * @property {string | null} due_at
 * @property {string | null} worker
 * @property {ErrorObject | null} error
 * @property {boolean} reused
 * @property {string | null} child
 * @property {Record<string, number> | null} items
 * @property {string[]} [because_of]
 * @property {{fraction: number | null, message: string | null}} [progress]
 * @property {string} [text]  what it has streamed
 * @property {number} [text_seq]  number of the last event that is in the text
 * @property {number} [tried]  the newest attempt that `try` counts
 */
/** @typedef {{seq: number, type: string, node_id?: string, item?: number, attempt?: number, ts: string, data: any}} RunEvent */
/**
 * @typedef {object} Run
 * @property {any} execution  the view without its nodes
 * @property {Map<string, RunNode>} nodes  in the order of the definition
 * @property {Map<string, number>} counts  of nodes by state, see `statuses.js`
 * @property {Set<string>} handled  ids of nodes whose failure did not fail the execution, as far as the view says
 * @property {number} seq  of the last event that it contains
 */
/**
 * What an event changed.
 * @typedef {object} Change
 * @property {string | null} node  id of the node that looks different now
 * @property {boolean} isExecution  the execution itself does
 * @property {boolean} isStale  the view must be read again: an event does not say all that changed
 * @property {string | null} staleNode  id of a node that must be read again
 */

/** The most text of a node's stream that is kept, in characters; of more the end is kept. */
const MOST_TEXT = 200_000;
/** Root causes that a view lists at most. */
const MOST_CAUSES = 50;
const NOTHING = Object.freeze({ node: null, isExecution: false, isStale: false, staleNode: null });

/**
 * @param {any} view  as `GET /v1/executions/{id}` gives it
 * @param {Run | null} [before]  the same execution as it was known; views do not have what nodes have streamed
 * @returns {Run}
 */
export function runOf(view, before = null) {
  const { nodes: list, ...execution } = view;
  const nodes = new Map(list.map((/** @type {RunNode} */ node) => [node.node_id, nodeOf(node, before?.nodes.get(node.node_id))]));
  /** @type {Run} */
  const run = { execution, nodes, counts: new Map(), handled: handledOf(view), seq: view.seq ?? 0 };
  for (const node of run.nodes.values()) count(run, stateOf(node), 1);
  return run;
}

/** What failed and is no root cause; of a list that may be cut, nothing is known. @param {any} view @returns {Set<string>} */
function handledOf({ nodes, root_causes: causes }) {
  if (causes === undefined || causes.length >= MOST_CAUSES) return new Set();
  const ids = new Set(causes.map((/** @type {{node_id: string}} */ cause) => cause.node_id));
  const failed = nodes.filter((/** @type {RunNode} */ node) => node.status === "FAILED" && !ids.has(node.node_id));
  return new Set(failed.map((/** @type {RunNode} */ node) => node.node_id));
}

/** @param {RunNode} node @param {RunNode} [before] @returns {RunNode} */
function nodeOf(node, before) {
  const isClaimed = node.status !== "QUEUED" && node.status !== "PENDING";
  return { ...node, tried: isClaimed ? node.attempt : node.attempt - 1, text: before?.text, text_seq: before?.text_seq };
}

/** Change a run by an event. @param {Run} run @param {RunEvent} event @returns {Change} */
export function apply(run, event) {
  if (event.type === "gap") return { ...NOTHING, isStale: true };
  // After a reconnect some events may come twice.
  if (event.seq <= run.seq) return NOTHING;
  run.seq = event.seq;
  if (event.node_id === undefined) return applyToExecution(run, event);
  const known = run.nodes.get(event.node_id);
  if (known === undefined) return NOTHING;
  // How far a mapped node is, one event of an item does not say.
  if (event.item !== undefined) return { ...NOTHING, staleNode: known.node_id };
  const node = { ...known };
  const change = applyToNode(node, event);
  if (change.node !== null) put(run, known, node);
  return change;
}

/** Put a node that was read again in its place. @param {Run} run @param {RunNode} fresh */
export function replaceNode(run, fresh) {
  const known = run.nodes.get(fresh.node_id);
  if (known !== undefined) put(run, known, { ...known, ...fresh });
}

/** @param {Run} run @param {RunNode} known @param {RunNode} node */
function put(run, known, node) {
  run.nodes.set(node.node_id, node);
  const [before, after] = [stateOf(known), stateOf(node)];
  if (before === after) return;
  count(run, before, -1);
  count(run, after, 1);
}

/** @type {Record<string, string>} */
const EXECUTION_STATUSES = {
  "execution.started": "RUNNING",
  "execution.resumed": "RUNNING",
  "execution.retried": "RUNNING",
  "execution.paused": "PAUSED",
  "execution.completed": "COMPLETED",
  "execution.failed": "FAILED",
  "execution.cancelled": "CANCELLED",
};

/** @param {Run} run @param {RunEvent} event @returns {Change} */
function applyToExecution(run, { type, ts, data }) {
  const status = EXECUTION_STATUSES[type];
  if (status === undefined) return NOTHING;
  const { execution } = run;
  execution.status = status;
  if (type === "execution.started") execution.started_at = ts;
  if (type === "execution.paused") execution.paused = { by: data.by, reason: data.reason, since: ts };
  if (isOver(status)) Object.assign(execution, { ended_at: ts, reason: data.reason ?? null });
  // Nodes start over, or the execution has an output now.
  return { ...NOTHING, isExecution: true, isStale: type === "execution.retried" || isOver(status) };
}

/** What sends an attempt back without charging it. */
const UNCHARGED = new Set(["lease_lost", "drain", "staging", "host"]);

/** @param {RunNode} node @param {RunEvent} event @returns {Change} */
function applyToNode(node, { seq, type, ts, attempt = node.attempt, data }) {
  const isNewAttempt = attempt > (node.tried ?? 0);
  node.attempt = attempt;
  switch (type) {
    case "node.queued":
      if (UNCHARGED.has(data.cause) && attempt - 1 === node.tried) node.try = Math.max(0, node.try - 1);
      // A handler that parks while a letter is there is called again at once.
      if (data.cause === "letter" && node.status === "RUNNING") node.try = Math.max(0, node.try - 1);
      Object.assign(node, { status: "QUEUED", queued_at: ts, waiting_on: null, due_at: null, started_at: null, ended_at: null });
      break;
    case "node.started":
      // A view may contain what is applied again: an attempt is counted once.
      if (isNewAttempt) Object.assign(node, { try: node.try + 1, tried: attempt });
      Object.assign(node, { status: "RUNNING", started_at: ts, worker: data.worker ?? null, progress: undefined });
      break;
    case "node.held":
      Object.assign(node, { status: "PENDING", waiting_on: null });
      break;
    case "node.waiting":
      // A park is no try, whatever ends it. A view may contain what is applied again.
      if (data.waiting_on === "inbox" && node.status === "RUNNING") node.try = Math.max(0, node.try - 1);
      Object.assign(node, { status: "WAITING", waiting_on: data.waiting_on, due_at: rfc3339(data.due_ms), worker: null });
      if (data.child) node.child = data.child;
      break;
    case "node.retrying":
      node.error = data.error ?? null;
      Object.assign(node, { status: "WAITING", waiting_on: "back_off", worker: null, progress: undefined });
      node.due_at = rfc3339(Date.parse(ts) + (data.delay_ms ?? 0));
      break;
    case "node.completed":
    case "node.failed":
    case "node.skipped":
    case "node.cancelled":
      Object.assign(node, { status: type.slice(5).toUpperCase(), ended_at: ts, waiting_on: null, due_at: null });
      node.reason = data.reason ?? null;
      node.error = type === "node.failed" ? (data.error ?? null) : null;
      break;
    case "node.progress":
      node.progress = { fraction: data.fraction ?? null, message: data.message ?? null };
      break;
    case "node.token":
      if (seq <= (node.text_seq ?? 0)) break;
      Object.assign(node, { text: ((node.text ?? "") + data.text).slice(-MOST_TEXT), text_seq: seq });
      break;
    case "stream.reset":
      if (seq > (node.text_seq ?? 0)) Object.assign(node, { text: "", text_seq: seq });
      break;
    default:
      return NOTHING;
  }
  return { ...NOTHING, node: node.node_id };
}

/** @param {Run} run @param {string} state @param {number} by */
function count(run, state, by) {
  const found = (run.counts.get(state) ?? 0) + by;
  if (found === 0) run.counts.delete(state);
  else run.counts.set(state, found);
}

/** @param {number | null | undefined} ms */
function rfc3339(ms) {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString();
}
