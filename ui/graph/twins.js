/** Twins: nodes with the same handler, dependencies and dependents. Eight or more become one stacked node. */
import { STATES, wordOf } from "../core/statuses.js";

/**
 * @typedef {import("./scene.js").GraphNode} GraphNode
 * @typedef {import("./scene.js").NodeState} NodeState
 * @typedef {{id: string, label: string, handler: string, members: string[]}} TwinGroup
 */

const COLLAPSE_FROM = 8;
const ENDED = new Set(["completed", "failed", "upstream_failed", "skipped", "cancelled"]);

/**
 * Collapse twins, except the groups whose id is in `expanded`.
 *
 * A group stands where its first member stood; ids of groups begin with "twins:", which no node id can.
 * @param {readonly GraphNode[]} nodes
 * @param {ReadonlySet<string>} expanded
 * @returns {{nodes: GraphNode[], groups: Map<string, TwinGroup>}}  groups holds the expanded ones too
 */
export function collapseTwins(nodes, expanded) {
  const groups = findTwins(nodes);
  /** @type {Map<string, TwinGroup>} */
  const groupOf = new Map();
  for (const group of groups.values()) {
    if (!expanded.has(group.id)) for (const id of group.members) groupOf.set(id, group);
  }
  if (!groupOf.size) return { nodes: nodes.slice(), groups };
  /** @type {GraphNode[]} */
  const collapsed = [];
  for (const node of nodes) {
    const group = groupOf.get(node.id);
    if (group && group.members[0] !== node.id) continue;
    const dependencies = [...new Set(node.dependencies.map((id) => groupOf.get(id)?.id ?? id))];
    if (group) collapsed.push({ ...group, dependencies });
    else collapsed.push({ ...node, dependencies });
  }
  return { nodes: collapsed, groups };
}

/**
 * @param {readonly GraphNode[]} nodes
 * @returns {Map<string, TwinGroup>}
 */
function findTwins(nodes) {
  /** @type {Map<string, string[]>} */
  const dependents = new Map();
  for (const node of nodes) {
    for (const id of node.dependencies) {
      const list = dependents.get(id);
      if (list) list.push(node.id);
      else dependents.set(id, [node.id]);
    }
  }
  // Sorted lists as text would be long where thousands share thousands: each distinct list gets a number.
  /** @type {Map<string, number>} */
  const numbers = new Map();
  /** @param {readonly string[] | undefined} ids */
  const numberOf = (ids) => {
    const text = ids ? ids.slice().sort().join(" ") : "";
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, (number = numbers.size));
    return number;
  };
  /** @type {Map<string, GraphNode[]>} */
  const alike = new Map();
  for (const node of nodes) {
    const after = dependents.get(node.id);
    // Without any neighbour nodes only have in common that they stand alone.
    if (!after && !node.dependencies.length) continue;
    const key = `${node.handler} ${numberOf(node.dependencies)} ${numberOf(after)}`;
    const list = alike.get(key);
    if (list) list.push(node);
    else alike.set(key, [node]);
  }
  /** @type {Map<string, TwinGroup>} */
  const groups = new Map();
  for (const list of alike.values()) {
    if (list.length < COLLAPSE_FROM) continue;
    const id = `twins:${list[0].id}`;
    groups.set(id, { id, label: commonName(list), handler: list[0].handler, members: list.map((node) => node.id) });
  }
  return groups;
}

/**
 * What the names of the members have in common: "load_…" for load_1, load_2; else the first with an ellipsis.
 * @param {readonly GraphNode[]} list
 */
function commonName(list) {
  const names = list.map((node) => node.label ?? node.id);
  let length = names[0].length;
  for (const name of names) while (!name.startsWith(names[0].slice(0, length))) length--;
  const shared = names[0].slice(0, length).replace(/\d+$/, "");
  return shared.length > 1 ? `${shared}…` : `${names[0]} …`;
}

/** Counts the states of the members of one group, so that a change costs the same whatever its size. */
export class TwinCounts {
  /** @param {TwinGroup} group */
  constructor(group) {
    this.group = group;
    /** @type {Map<string, number>} */
    this.counts = new Map();
  }

  /**
   * @param {string | undefined} before  state the member had; undefined at first
   * @param {string} after
   */
  change(before, after) {
    if (before !== undefined) this.counts.set(before, (this.counts.get(before) ?? 0) - 1);
    this.counts.set(after, (this.counts.get(after) ?? 0) + 1);
  }

  /**
   * The state of the group: that of its members which stands first in STATES.
   * @returns {NodeState}
   */
  state() {
    const total = this.group.members.length;
    let [ended, failed] = [0, 0];
    /** @type {Set<string>} */
    const kinds = new Set();
    for (const [state, count] of this.counts) {
      if (count > 0) kinds.add(state);
      if (ENDED.has(state)) ended += count;
      if (state === "failed") failed += count;
    }
    const state = STATES.find((each) => kinds.has(each)) ?? "pending";
    const detail = failed ? `${ended}/${total}, ${failed} failed` : `${ended}/${total}`;
    return { state, label: wordOf(state), detail, progress: { ended, failed, total }, kinds };
  }
}
