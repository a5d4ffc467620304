/** What a renderer shows: nodes with their places, the edges between them, and who is next to whom. */
import { BOX } from "./layout.js";
import { GridIndex } from "./grid_index.js";

/**
 * @typedef {object} GraphNode
 * @property {string} id
 * @property {string} handler
 * @property {readonly string[]} dependencies
 * @property {string} [label]  shown instead of the id
 * @property {readonly string[]} [members]  ids of the nodes that this one stands for
 *
 * @typedef {object} NodeState
 * @property {string} state  display state, as in statuses.js
 * @property {string} label  the same in words, with the attempt: "failed, attempt 3 of 3"
 * @property {string} detail  behind the handler in the box: state or duration
 * @property {{ended: number, failed: number, total: number} | null} progress
 * @property {ReadonlySet<string>} [kinds]  of a group: all states that its members have
 *
 * @typedef {object} Graph
 * @property {readonly GraphNode[]} nodes
 * @property {import("./layout.js").Layout} layout
 * @property {ReadonlyMap<string, {x: number, y: number}>} moved  places that the reader chose
 *
 * @typedef {"left" | "right" | "up" | "down"} Direction
 */

export class Scene {
  /** @param {Graph} graph */
  constructor({ nodes, layout, moved }) {
    this.nodes = nodes;
    this.edges = layout.edges;
    this.xs = new Float64Array(nodes.length);
    this.ys = new Float64Array(nodes.length);
    this.isMoved = new Uint8Array(nodes.length);
    this.layers = new Int32Array(nodes.length);
    /** @type {Map<string, number>} */
    this.indices = new Map();
    nodes.forEach((node, i) => {
      this.indices.set(node.id, i);
      const box = /** @type {import("./layout.js").Box} */ (layout.boxes.get(node.id));
      const own = moved.get(node.id);
      this.xs[i] = own?.x ?? box.x;
      this.ys[i] = own?.y ?? box.y;
      this.isMoved[i] = own ? 1 : 0;
      this.layers[i] = box.layer;
    });
    this.edgeFrom = new Int32Array(this.edges.length);
    this.edgeTo = new Int32Array(this.edges.length);
    this.edges.forEach((edge, e) => {
      this.edgeFrom[e] = /** @type {number} */ (this.indices.get(edge.from));
      this.edgeTo[e] = /** @type {number} */ (this.indices.get(edge.to));
    });
    this.grid = new GridIndex(this.xs, this.ys, BOX.width, BOX.height);
    /** @type {number[][] | null} */
    this.edgesOfNode = null;
    /** @type {{from: number, to: number, direction: Direction} | null} */
    this.lastStep = null;
  }

  /** @param {number} e @returns {readonly number[]} points of edge `e`; straight from box to box once either was moved */
  edgePoints(e) {
    const from = this.edgeFrom[e];
    const to = this.edgeTo[e];
    if (!this.isMoved[from] && !this.isMoved[to]) return this.edges[e].points;
    return [this.xs[from] + BOX.width, this.ys[from] + BOX.height / 2, this.xs[to], this.ys[to] + BOX.height / 2];
  }

  /** @param {number} i @returns {readonly number[]} numbers of the edges that begin or end at node `i` */
  edgesOf(i) {
    if (!this.edgesOfNode) {
      /** @type {number[][]} */
      const lists = this.nodes.map(() => []);
      for (let e = 0; e < this.edges.length; e++) {
        lists[this.edgeFrom[e]].push(e);
        lists[this.edgeTo[e]].push(e);
      }
      this.edgesOfNode = lists;
    }
    return this.edgesOfNode[i];
  }

  /** @param {number} i @param {number} x @param {number} y */
  move(i, x, y) {
    this.grid.move(i, x, y);
    this.isMoved[i] = 1;
  }

  /** The rectangle round all boxes. */
  bounds() {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < this.nodes.length; i++) {
      left = Math.min(left, this.xs[i]);
      top = Math.min(top, this.ys[i]);
      right = Math.max(right, this.xs[i] + BOX.width);
      bottom = Math.max(bottom, this.ys[i] + BOX.height);
    }
    if (left > right) return { x: 0, y: 0, width: 0, height: 0 };
    return { x: left, y: top, width: right - left, height: bottom - top };
  }

  /**
   * The node one step away, or -1: left a dependency, right a dependent, up and down the same layer.
   * A step straight back leads to where the last one began, so that a wrong turn is undone by its opposite.
   * @param {number} i
   * @param {Direction} direction
   */
  step(i, direction) {
    const opposite = { left: "right", right: "left", up: "down", down: "up" };
    const last = this.lastStep;
    const next = last && last.to === i && opposite[last.direction] === direction ? last.from : this.nextTo(i, direction);
    if (next >= 0) this.lastStep = { from: i, to: next, direction };
    return next;
  }

  /** @param {number} i @param {Direction} direction */
  nextTo(i, direction) {
    let best = -1;
    let least = Infinity;
    if (direction === "left" || direction === "right") {
      for (const e of this.edgesOf(i)) {
        const other = direction === "left" ? this.edgeFrom[e] : this.edgeTo[e];
        const layers = Math.abs(this.layers[other] - this.layers[i]);
        const away = Math.abs(this.ys[other] - this.ys[i]) + 1e6 * layers;
        if (other === i || away >= least) continue;
        [best, least] = [other, away];
      }
      return best;
    }
    const sign = direction === "down" ? 1 : -1;
    for (let other = 0; other < this.nodes.length; other++) {
      if (other === i || this.layers[other] !== this.layers[i]) continue;
      const [dx, dy] = [this.xs[other] - this.xs[i], this.ys[other] - this.ys[i]];
      const isAhead = sign * dy > 0 || (dy === 0 && sign * dx > 0);
      // In a folded layer the box beside this one comes after all that stand straight above or below.
      const away = Math.abs(dy) + 1000 * Math.abs(dx);
      if (!isAhead || away >= least) continue;
      [best, least] = [other, away];
    }
    return best;
  }
}
