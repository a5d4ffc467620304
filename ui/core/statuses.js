/**
 * What a node or an execution looks like: one of a few states, each with an icon, a word and a colour.
 *
 * The state is a display of `status`, `reason` and `waiting_on`: a node skipped because another failed has a
 * look of its own, and each kind of waiting has its own icon. Pure.
 */

/** @typedef {{status: string, reason?: string | null, waiting_on?: string | null}} HasStatus */

/** @type {Record<string, string>} the words of states that are not their own name */
const WORDS = {
  waiting_delay: "delayed",
  waiting_worker: "awaiting worker",
  waiting_hold: "held back",
  waiting_map: "running items",
  waiting_child: "awaiting child",
  waiting_signal: "awaiting signal",
  waiting_inbox: "awaiting letter",
  waiting_approval: "awaiting approval",
  waiting_operator: "awaiting operator",
  upstream_failed: "upstream failed",
};

/** In the order in which counts of them are shown: what needs a person first. */
export const STATES = [
  "failed",
  "waiting_approval",
  "waiting_operator",
  "waiting_signal",
  "waiting_inbox",
  "retrying",
  "running",
  "waiting_child",
  "waiting_map",
  "waiting_delay",
  "waiting_worker",
  "waiting_hold",
  "queued",
  "paused",
  "pending",
  "completed",
  "upstream_failed",
  "skipped",
  "cancelled",
];

/** The state of a node, or of an item. @param {HasStatus} node */
export function stateOf({ status, reason, waiting_on: waitingOn }) {
  if (status === "WAITING") return waitingOn === "back_off" ? "retrying" : `waiting_${waitingOn ?? "hold"}`;
  if (status === "SKIPPED" && reason === "upstream_failed") return "upstream_failed";
  return status.toLowerCase();
}

/** The word for a state. @param {string} state */
export function wordOf(state) {
  return WORDS[state] ?? state.replaceAll("_", " ");
}

/** The name of the state's colour: kinds of waiting share one. @param {string} state */
export function colourOf(state) {
  return state.startsWith("waiting_") || state === "paused" ? "waiting" : state;
}

/** Whether a node in this state is over. @param {string} status */
export function isOver(status) {
  return status === "COMPLETED" || status === "FAILED" || status === "SKIPPED" || status === "CANCELLED";
}

/**
 * In which try a node is or ended. Of a mapped node none: its items are tried. Of what is not tried again, no number of tries.
 * @param {import("./reducer.js").RunNode | undefined} node
 */
export function tryWords(node) {
  if (!node || node.items || node.try < 1 || node.max_attempts < 2) return "";
  const isLast = node.status === "FAILED" && node.error?.retryable === false;
  return isLast ? `try ${node.try}` : `try ${node.try} of ${node.max_attempts}`;
}
