/** What a node's row of the timeline shows: when it was queued, ran and waited. Pure. */
import { isOver, stateOf, wordOf } from "../core/statuses.js";
import { duration, milliseconds } from "../core/time.js";

/**
 * @typedef {"node_id" | "handler" | "status" | "reason" | "waiting_on" | "attempt" | "queued_at" | "started_at" | "ended_at"} TimedFields
 * @typedef {Pick<import("../core/reducer.js").RunNode, TimedFields>} TimedNode
 * @typedef {{outcome: string, queued_at: string | null, started_at: string | null, ended_at: string | null, waiting_since?: string | null}} Attempt
 * @typedef {"queued" | "running" | "waiting"} Kind
 * @typedef {{kind: Kind, from: number, to: number | null, state: string}} Segment  to: null until it ends
 *
 * @typedef {object} TimelineRow
 * @property {string} id
 * @property {string} handler
 * @property {string} state
 * @property {number} start  ms since the epoch
 * @property {number | null} end
 * @property {number} attempt
 * @property {Segment[]} segments
 * @property {number[]} ticks  ends of attempts that failed, after which there was another
 * @property {readonly unknown[]} source  what it was made of
 */

const FAILED_OUTCOMES = new Set(["failed", "retrying", "lost"]);
/** Handlers whose one attempt gives its worker back and waits: only the attempt says since when. */
const WAITERS = new Set(["approval", "delay", "wait_for_signal", "sub_workflow"]);

/** Whether a row shows more once its attempts are known. @param {TimelineRow} row */
export function hasParts({ attempt, handler }) {
  return attempt > 1 || (attempt === 1 && WAITERS.has(handler));
}

/** Keeps the rows that did not change: 10,000 of them are not made again for the sake of one. */
export class TimelineRows {
  constructor() {
    /** @type {Map<string, TimelineRow>} */
    this.rows = new Map();
  }

  /**
   * Rows in the order in which they began; nodes that have not begun have none.
   * @param {Iterable<TimedNode>} nodes
   * @param {(id: string) => readonly Attempt[] | undefined} attemptsOf
   * @returns {TimelineRow[]}
   */
  read(nodes, attemptsOf) {
    /** @type {Map<string, TimelineRow>} */
    const next = new Map();
    for (const node of nodes) {
      if (!node.queued_at && !node.started_at) continue;
      const attempts = attemptsOf(node.node_id);
      const known = this.rows.get(node.node_id);
      const source = [node.status, node.reason, node.waiting_on, node.attempt, node.queued_at, node.started_at, node.ended_at, attempts];
      const isKnown = known?.source.every((value, i) => value === source[i]);
      next.set(node.node_id, known && isKnown ? known : rowOf(node, attempts, source));
    }
    this.rows = next;
    return [...next.values()].sort((a, b) => a.start - b.start);
  }
}

/**
 * @param {TimedNode} node
 * @param {readonly Attempt[] | undefined} attempts
 * @param {readonly unknown[]} source
 * @returns {TimelineRow}
 */
function rowOf(node, attempts, source) {
  const state = stateOf(node);
  const list = attempts?.length ? attempts : [{ outcome: node.status, ...node }];
  /** @type {Segment[]} */
  const segments = [];
  /** @type {number[]} */
  const ticks = [];
  list.forEach((attempt, at) => {
    const isLast = at === list.length - 1;
    const [queued, started, ended] = [attempt.queued_at, attempt.started_at, attempt.ended_at].map(milliseconds);
    const own = isLast ? state : FAILED_OUTCOMES.has(attempt.outcome) ? "failed" : "completed";
    if (queued !== null && (started ?? ended) !== queued) segments.push({ kind: "queued", from: queued, to: started ?? ended, state: "queued" });
    if (started !== null) {
      const isWaiting = isLast && ended === null && node.status === "WAITING";
      // Where the attempt itself is not known, a node that waits has waited since it started: so it is drawn until then.
      const parked = milliseconds(attempt.waiting_since) ?? (isWaiting ? started : null);
      if (parked !== started) segments.push({ kind: "running", from: started, to: parked ?? ended, state: own });
      if (parked !== null) segments.push({ kind: "waiting", from: parked, to: ended, state: own });
    }
    const next = isLast ? null : milliseconds(list[at + 1].queued_at);
    if (ended === null || (isLast && isOver(node.status))) return;
    if (!isLast && FAILED_OUTCOMES.has(attempt.outcome)) ticks.push(ended);
    if ((next !== null && next > ended) || node.status === "WAITING") segments.push({ kind: "waiting", from: ended, to: next, state: "retrying" });
  });
  const end = isOver(node.status) ? milliseconds(node.ended_at) : null;
  const start = segments[0]?.from ?? milliseconds(node.queued_at ?? node.started_at) ?? 0;
  return { id: node.node_id, handler: node.handler, state, start, end, attempt: node.attempt, segments, ticks, source };
}

/**
 * The row in words.
 * @param {TimelineRow} row
 * @param {number} origin  start of the run, ms since the epoch
 * @param {number} nowMs
 */
export function describeRow(row, origin, nowMs) {
  /** @type {Record<Kind, number>} */
  const sums = { queued: 0, running: 0, waiting: 0 };
  for (const { kind, from, to } of row.segments) sums[kind] += (to ?? nowMs) - from;
  const parts = [`${row.id}, ${row.handler}, ${wordOf(row.state)}`, `began after ${duration(row.start - origin)}`];
  if (sums.queued) parts.push(`queued ${duration(sums.queued)}`);
  if (sums.running) parts.push(`ran ${duration(sums.running)}`);
  if (sums.waiting) parts.push(`waited ${duration(sums.waiting)}`);
  if (row.attempt > 1) parts.push(`${row.attempt} attempts`);
  return parts.join(", ");
}
