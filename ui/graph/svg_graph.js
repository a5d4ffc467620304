/** The graph as SVG, up to 300 nodes: sharp at every zoom, each node an element that takes the focus. */
import { colourOf } from "../core/statuses.js";
import { ICONS } from "../parts/icons.js";
import { PathText, traceArrow, traceEdge } from "./edge_shape.js";
import { BOX } from "./layout.js";
import { GraphStage, UNKNOWN } from "./stage.js";
import { fitMiddle, fitPair } from "./text_fit.js";

const TEXT_LEFT = 36;
const PULSES = 100;
const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {readonly Element[]} children
 */
function make(name, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/**
 * @typedef {object} NodeParts
 * @property {SVGElement} group
 * @property {SVGElement} icon
 * @property {SVGElement} name
 * @property {SVGElement} detail
 * @property {SVGElement} done
 * @property {SVGElement} failed
 */

export class SvgGraph extends GraphStage {
  /** @param {import("./stage.js").GraphCallbacks} callbacks */
  constructor(callbacks) {
    super(callbacks);
    this.edgeLayer = make("g", { class: "graph-edges" });
    this.nodeLayer = make("g", { class: "graph-nodes" });
    this.world = make("g", {}, [this.edgeLayer, this.nodeLayer]);
    this.element.append(make("svg", { class: "graph-svg" }, [hatch(), this.world]));
    /** @type {Map<string, NodeParts>} */
    this.parts = new Map();
    /** @type {{line: SVGElement, arrow: SVGElement}[]} */
    this.lines = [];
    /** @type {Set<string>} */
    this.pulsing = new Set();
  }

  paintScene() {
    const hadFocus = this.element.contains(document.activeElement);
    this.parts.clear();
    this.pulsing.clear();
    const { nodes } = this.scene;
    this.nodeLayer.replaceChildren(...nodes.map((node, i) => this.makeNode(node, i)));
    this.lines = this.scene.edges.map((_, e) => ({ line: make("path"), arrow: make("path") }));
    this.edgeLayer.replaceChildren(...this.lines.flatMap(({ line, arrow }) => [line, arrow]));
    this.lines.forEach((_, e) => this.traceLine(e));
    this.paintStates(new Set(nodes.map((node) => node.id)));
    this.setRovingFocus(this.focused ?? this.firstFocus());
    if (hadFocus && this.focused !== null) this.focusNode(this.focused);
  }

  /** @param {import("./scene.js").GraphNode} node @param {number} i */
  makeNode(node, i) {
    const shape = { width: BOX.width, height: BOX.height, rx: 6 };
    const icon = make("path", { class: "graph-icon", transform: "translate(11 14) scale(0.6667)" });
    const name = make("text", { class: "graph-name", x: TEXT_LEFT, y: 19 });
    const detail = make("text", { class: "graph-detail", x: TEXT_LEFT, y: 34 });
    const done = make("rect", { class: "graph-done", x: 8, y: BOX.height - 4, height: 2 });
    const failed = make("rect", { class: "graph-done is-failed", y: BOX.height - 4, height: 2 });
    const behind = node.members ? [6, 3].map((by) => make("rect", { class: "graph-behind", x: by, y: by, ...shape })) : [];
    const group = make("g", { "data-id": node.id, role: "button", tabindex: -1, transform: `translate(${this.scene.xs[i]} ${this.scene.ys[i]})` }, [
      ...behind,
      make("rect", { class: "graph-box", ...shape }),
      make("rect", { class: "graph-hatch", ...shape }),
      make("path", { class: "graph-bar", d: `M3 4V${BOX.height - 4}` }),
      icon, name, detail, done, failed,
      make("rect", { class: "graph-ring", x: -4, y: -4, width: BOX.width + 8, height: BOX.height + 8, rx: 9 }),
    ]);
    group.addEventListener("focus", () => this.setRovingFocus(node.id));
    if (node.members) group.setAttribute("aria-expanded", "false");
    this.parts.set(node.id, { group, icon, name, detail, done, failed });
    return group;
  }

  /** @param {ReadonlySet<string>} changed */
  paintStates(changed) {
    const family = getComputedStyle(this.element).fontFamily;
    for (const id of changed) {
      const parts = this.parts.get(id);
      const index = this.scene.indices.get(id);
      if (!parts || index === undefined) continue;
      const node = this.scene.nodes[index];
      const { state, detail, progress } = this.states.get(id) ?? UNKNOWN;
      this.setPulse(id, state === "running");
      parts.group.setAttribute("class", this.classOf(id, state));
      parts.group.setAttribute("aria-label", this.nameOf(id));
      const icon = ICONS[state] ?? ICONS.pending;
      parts.icon.setAttribute("d", icon.d);
      parts.icon.classList.toggle("is-filled", icon.isFilled === true);
      const room = BOX.width - TEXT_LEFT - 8;
      parts.name.textContent = fitMiddle(node.label ?? node.id, room, `550 13px ${family}`);
      parts.detail.textContent = fitPair(node.handler, detail, room, `400 11px ${family}`);
      const width = BOX.width - 16;
      const bad = progress ? (width * progress.failed) / Math.max(1, progress.total) : 0;
      const good = progress ? (width * progress.ended) / Math.max(1, progress.total) - bad : 0;
      parts.done.setAttribute("width", String(Math.max(0, good)));
      parts.failed.setAttribute("x", String(8 + good));
      parts.failed.setAttribute("width", String(bad));
      for (const e of this.scene.edgesOf(index)) this.classLine(e);
    }
  }

  /** @param {string} id @param {string} state */
  classOf(id, state) {
    const marks = `${this.pulsing.has(id) ? " is-pulsing" : ""}${id === this.selected ? " is-selected" : ""}${this.isDim(id) ? " is-dim" : ""}`;
    return `graph-node state-${colourOf(state)}${marks}`;
  }

  /** @param {string} id @param {boolean} isRunning */
  setPulse(id, isRunning) {
    if (!isRunning) this.pulsing.delete(id);
    else if (this.pulsing.size < PULSES) this.pulsing.add(id);
  }

  /** @param {number} e */
  traceLine(e) {
    const points = this.scene.edgePoints(e);
    const [line, arrow] = [new PathText(), new PathText()];
    traceEdge(line, points);
    traceArrow(arrow, points);
    this.lines[e].line.setAttribute("d", line.text);
    this.lines[e].arrow.setAttribute("d", arrow.text);
  }

  /** @param {number} e */
  classLine(e) {
    const ids = [this.scene.edgeFrom[e], this.scene.edgeTo[e]].map((i) => this.scene.nodes[i].id);
    const isSkipped = ids.some((id) => this.states.get(id)?.state === "skipped");
    const isNear = this.selected !== null && ids.includes(this.selected);
    const marks = `${isSkipped ? " is-skipped" : ""}${isNear ? " is-near" : ""}`;
    this.lines[e].line.setAttribute("class", `graph-edge${marks}`);
    this.lines[e].arrow.setAttribute("class", `graph-arrow${marks}`);
  }

  paintMarks() {
    for (const [id, { group }] of this.parts) {
      group.classList.toggle("is-selected", id === this.selected);
      group.setAttribute("aria-current", String(id === this.selected));
    }
    this.lines.forEach((_, e) => this.classLine(e));
    this.setRovingFocus(this.focused ?? this.firstFocus());
  }

  paintCamera() {
    const { x, y, zoom } = this.camera;
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${zoom})`);
  }

  /** @param {number} i */
  paintMoved(i) {
    const { group } = /** @type {NodeParts} */ (this.parts.get(this.scene.nodes[i].id));
    group.setAttribute("transform", `translate(${this.scene.xs[i]} ${this.scene.ys[i]})`);
    for (const e of this.scene.edgesOf(i)) this.traceLine(e);
  }

  /** @param {string} id */
  focusNode(id) {
    this.setRovingFocus(id);
    this.parts.get(id)?.group.focus({ preventScroll: true });
  }

  /** Exactly one node can be reached by Tab. @param {string | null} id */
  setRovingFocus(id) {
    if (this.tabbed !== undefined) this.parts.get(this.tabbed)?.group.setAttribute("tabindex", "-1");
    this.focused = id;
    this.tabbed = id ?? undefined;
    if (id !== null) this.parts.get(id)?.group.setAttribute("tabindex", "0");
  }
}

/** Stripes over boxes that never ran because of another. */
function hatch() {
  const line = make("path", { d: "M0 0V7", class: "graph-stripe" });
  const size = { width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return make("defs", {}, [make("pattern", { id: "graph-hatch", ...size }, [line])]);
}
