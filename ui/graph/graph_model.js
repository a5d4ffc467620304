/** From nodes and their states to what a renderer shows: groups of twins collapsed, changes collected. */
import { layoutGraph } from "./layout.js";
import { collapseTwins, TwinCounts } from "./twins.js";

/**
 * @typedef {import("./scene.js").GraphNode} GraphNode
 * @typedef {import("./scene.js").NodeState} NodeState
 */

/** States whose detail changes by itself, once a second. */
const TICKING = new Set(["running", "retrying"]);
/** More of them than that are not read at once. */
const MOST_TICKING = 400;

export class GraphModel {
  /** @param {(id: string) => NodeState} stateOf */
  constructor(stateOf) {
    this.stateOf = stateOf;
    /** @type {readonly GraphNode[]} */
    this.nodes = [];
    /** @type {Set<string>} ids of the groups that are shown node by node */
    this.expanded = new Set();
    /** @type {GraphNode[]} */
    this.shown = [];
    /** @type {Map<string, import("./twins.js").TwinGroup>} */
    this.groups = new Map();
    /** @type {Map<string, TwinCounts>} by member */
    this.countsOf = new Map();
    /** @type {Map<string, string>} state of each node as shown last */
    this.known = new Map();
    /** @type {Set<string>} */
    this.ticking = new Set();
  }

  /**
   * Take the nodes as they are now. Gives false if the graph is the one that is known already.
   * @param {readonly GraphNode[]} nodes
   */
  setNodes(nodes) {
    const isSame = nodes.length === this.nodes.length && nodes.every((node, i) => isAlike(node, this.nodes[i]));
    if (isSame) return false;
    this.nodes = nodes;
    this.collapse();
    return true;
  }

  /** @param {ReadonlySet<string>} expanded */
  expand(expanded) {
    this.expanded = new Set(expanded);
    this.collapse();
  }

  collapse() {
    const { nodes, groups } = collapseTwins(this.nodes, this.expanded);
    this.shown = nodes;
    this.groups = groups;
    this.countsOf = new Map();
    this.known = new Map();
    this.ticking = new Set();
    for (const group of groups.values()) {
      if (this.expanded.has(group.id)) continue;
      const counts = new TwinCounts(group);
      for (const id of group.members) this.countsOf.set(id, counts);
    }
    this.layout = layoutGraph(nodes);
  }

  /** Id of what is shown for a node: itself or its group. @param {string} id */
  shownAs(id) {
    return this.countsOf.get(id)?.group.id ?? id;
  }

  /**
   * States of what is shown, for nodes that changed.
   * @param {Iterable<string>} ids
   * @returns {Map<string, NodeState>}
   */
  changes(ids) {
    /** @type {Map<string, NodeState>} */
    const changes = new Map();
    /** @type {Set<TwinCounts>} */
    const touched = new Set();
    for (const id of ids) {
      const state = this.stateOf(id);
      const counts = this.countsOf.get(id);
      if (counts) {
        counts.change(this.known.get(id), state.state);
        touched.add(counts);
      } else {
        changes.set(id, state);
        if (TICKING.has(state.state)) this.ticking.add(id);
        else this.ticking.delete(id);
      }
      this.known.set(id, state.state);
    }
    for (const counts of touched) changes.set(counts.group.id, counts.state());
    return changes;
  }

  /** Ids of nodes whose detail is another a second later; none where there are too many to read. */
  ticks() {
    return this.ticking.size <= MOST_TICKING ? [...this.ticking] : [];
  }

  /** Id of what the first picture should show: what failed, else what is under way. */
  urgent() {
    for (const wanted of [["failed"], ["running", "retrying"], ["waiting"], ["queued"]]) {
      for (const node of this.nodes) {
        const state = this.known.get(node.id) ?? "";
        if (wanted.some((each) => state.startsWith(each))) return this.shownAs(node.id);
      }
    }
    return null;
  }
}

/** @param {GraphNode} a @param {GraphNode} b */
function isAlike(a, b) {
  if (a === b) return true;
  if (a.id !== b.id || a.handler !== b.handler || a.label !== b.label) return false;
  return a.dependencies.length === b.dependencies.length && a.dependencies.every((id, i) => id === b.dependencies[i]);
}
