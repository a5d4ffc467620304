/** What both renderers share: camera, gestures, keyboard, selection, focus and one picture per frame. */
import { plural } from "../core/format.js";
import { centreOn, fitTo, lookAt, reveal, zoomAt } from "./camera.js";
import { listenForGestures } from "./gestures.js";
import { BOX } from "./layout.js";
import { Scene } from "./scene.js";

/**
 * @typedef {import("./scene.js").NodeState} NodeState
 * @typedef {object} GraphCallbacks
 * @property {(id: string | null) => void} [onSelect]  null: clicked beside all nodes
 * @property {(id: string) => void} [onOpen]  double click, or Enter with Shift
 * @property {(id: string, x: number, y: number) => void} [onMove]  a node was dragged and dropped there
 */

const MOVE_MS = 120;
/** After so long without movement the picture is sharp again. */
const REST_MS = 140;
/** @type {NodeState} */
export const UNKNOWN = { state: "pending", label: "pending", detail: "", progress: null };
/** @type {Record<string, import("./scene.js").Direction>} */
const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

/**
 * A renderer adds what it draws: paintScene, paintCamera, paintStates, paintMarks, paintFrame,
 * paintMoved and focusNode.
 */
export class GraphStage {
  /** @param {GraphCallbacks} callbacks */
  constructor(callbacks) {
    this.callbacks = callbacks;
    this.element = document.createElement("div");
    this.element.className = "graph-stage";
    this.element.setAttribute("role", "application");
    this.scene = new Scene({ nodes: [], layout: { boxes: new Map(), edges: [], width: 0, height: 0 }, moved: new Map() });
    /** @type {Map<string, NodeState>} */
    this.states = new Map();
    /** @type {import("./camera.js").Camera} */
    this.camera = { x: 0, y: 0, zoom: 1 };
    this.size = { width: 0, height: 0 };
    /** @type {string | null} */
    this.selected = null;
    /** @type {string | null} */
    this.focused = null;
    /** @type {string | null} */
    this.filter = null;
    /** @type {Set<string>} */
    this.changed = new Set();
    /** What the next frame has to draw. */
    this.due = { scene: false, camera: false, marks: false };
    this.frame = 0;
    this.flight = 0;
    /** Where a flight ends. @type {import("./camera.js").Camera | undefined} */
    this.goal = undefined;
    this.movedAt = -Infinity;
    /** Nodes, those inside of groups counted each; and the failed ones of them. */
    this.count = 0;
    this.failed = 0;
    /** Views that were asked for before the size was known. @type {(() => void)[]} */
    this.pendingViews = [];
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    this.reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
    listenForGestures(this.element, this.gestureTarget());
    this.element.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** @param {import("./scene.js").Graph} graph */
  setGraph(graph) {
    this.scene = new Scene(graph);
    if (this.focused !== null && !this.scene.indices.has(this.focused)) this.focused = null;
    for (const id of this.states.keys()) if (!this.scene.indices.has(id)) this.states.delete(id);
    this.count = graph.nodes.reduce((sum, node) => sum + (node.members?.length ?? 1), 0);
    this.failed = 0;
    for (const [id, state] of this.states) this.failed += this.failedIn(id, state);
    this.due.scene = true;
    this.invalidate();
  }

  /** @param {ReadonlyMap<string, NodeState>} changes */
  setStates(changes) {
    for (const [id, state] of changes) {
      if (!this.scene.indices.has(id)) continue;
      const before = this.states.get(id);
      if (before) this.failed -= this.failedIn(id, before);
      this.failed += this.failedIn(id, state);
      this.states.set(id, state);
      this.changed.add(id);
    }
    this.invalidate();
  }

  /** @param {string | null} id */
  select(id) {
    if (this.selected === id) return;
    this.selected = id;
    if (id !== null && this.scene.indices.has(id)) this.focused = id;
    this.due.marks = true;
    this.invalidate();
  }

  /** Let nodes in other states step back. @param {string | null} state  null: none */
  setFilter(state) {
    if (this.filter === state) return;
    this.filter = state;
    for (const id of this.scene.indices.keys()) this.changed.add(id);
    this.invalidate();
  }

  /** @param {string} id */
  isDim(id) {
    if (this.filter === null) return false;
    const { state, kinds } = this.states.get(id) ?? UNKNOWN;
    return kinds ? !kinds.has(this.filter) : state !== this.filter;
  }

  fit() {
    this.whenSized(() => this.flyTo(fitTo(this.scene.bounds(), this.size)));
  }

  /** @param {string} id @param {number} [zoom]  at least; natural size unless given */
  zoomTo(id, zoom = 1) {
    this.whenSized(() => {
      const box = this.boxOf(id);
      if (box) this.flyTo(centreOn(box, this.size, Math.max(zoom, this.camera.zoom)));
    });
  }

  /**
   * The first picture: the whole graph where that can be read, else what is urgent, or the beginning.
   * @param {string | null} urgent  id of a node
   * @param {number} least  zoom below which nothing is read
   */
  begin(urgent, least) {
    this.whenSized(() => {
      const bounds = this.scene.bounds();
      const whole = fitTo(bounds, this.size);
      const box = this.boxOf(urgent ?? this.scene.nodes[0]?.id ?? "");
      this.flyTo(whole.zoom >= least || !box ? whole : lookAt(box, bounds, this.size, Math.max(0.75, least)));
      this.land();
    });
  }

  /** Move only if the node is out of sight. @param {string} id */
  reveal(id) {
    this.whenSized(() => {
      const box = this.boxOf(id);
      if (box) this.flyTo(reveal(this.goal ?? this.camera, box, this.size));
    });
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.flyTo(zoomAt(this.goal ?? this.camera, factor, this.size.width / 2, this.size.height / 2));
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.flight);
    this.observer.disconnect();
    this.element.remove();
  }

  /** @param {string} id @param {NodeState} state */
  failedIn(id, state) {
    return state.progress && id.startsWith("twins:") ? state.progress.failed : Number(state.state === "failed");
  }

  /** @param {string} id */
  boxOf(id) {
    const i = this.scene.indices.get(id);
    if (i === undefined) return null;
    return { x: this.scene.xs[i], y: this.scene.ys[i], width: BOX.width, height: BOX.height };
  }

  /** The node that Tab leads to at first: the failed one, as nothing else is as urgent. @returns {string | null} */
  firstFocus() {
    for (const [id, { state }] of this.states) if (state === "failed") return id;
    return this.scene.nodes[0]?.id ?? null;
  }

  /** Spoken name of a node. @param {string} id */
  nameOf(id) {
    const node = this.scene.nodes[this.scene.indices.get(id) ?? 0];
    const { label, progress } = this.states.get(id) ?? UNKNOWN;
    const count = node.members ? `, ${node.members.length} nodes alike` : "";
    const share = progress ? `, ${progress.ended} of ${progress.total} ended, ${progress.failed} failed` : "";
    return `${node.label ?? node.id}, ${node.handler}${count}, ${label}${share}`;
  }

  /** @param {() => void} view */
  whenSized(view) {
    if (this.size.width) view();
    else this.pendingViews.push(view);
  }

  resize() {
    const size = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (!size.width || !size.height) return;
    const [dx, dy] = this.size.width ? [(size.width - this.size.width) / 2, (size.height - this.size.height) / 2] : [0, 0];
    this.size = size;
    if (this.pendingViews.length) {
      for (const view of this.pendingViews.splice(0)) view();
      this.land();
    } else this.camera = { ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy };
    this.due.camera = true;
    // At once: a canvas is empty after a change of its size, and would flash until the next frame.
    this.paint();
  }

  /** @param {import("./camera.js").Camera} camera */
  flyTo(camera) {
    cancelAnimationFrame(this.flight);
    this.goal = camera;
    if (this.reducedMotion.matches) {
      this.land();
      return;
    }
    const from = this.camera;
    const began = performance.now();
    const step = () => {
      const part = Math.min(1, (performance.now() - began) / MOVE_MS);
      const eased = 1 - (1 - part) ** 3;
      const zoom = from.zoom * (camera.zoom / from.zoom) ** eased;
      this.setCamera({ x: from.x + (camera.x - from.x) * eased, y: from.y + (camera.y - from.y) * eased, zoom });
      if (part < 1) this.flight = requestAnimationFrame(step);
      else this.goal = undefined;
    };
    step();
  }

  /** End a flight at its goal: the first picture is where it should be from the start. */
  land() {
    cancelAnimationFrame(this.flight);
    if (this.goal) this.setCamera(this.goal);
    this.goal = undefined;
    this.movedAt = -Infinity;
  }

  /** Move by hand, which ends a flight. @param {import("./camera.js").Camera} camera */
  jumpTo(camera) {
    cancelAnimationFrame(this.flight);
    this.goal = undefined;
    this.setCamera(camera);
  }

  /** @param {import("./camera.js").Camera} camera */
  setCamera(camera) {
    this.camera = camera;
    this.due.camera = true;
    this.movedAt = performance.now();
    this.invalidate();
  }

  isMoving() {
    return performance.now() - this.movedAt < REST_MS;
  }

  invalidate() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.size.width) return;
    const { due, changed } = this;
    this.due = { scene: false, camera: false, marks: false };
    this.changed = new Set();
    if (due.scene) this.paintScene();
    else if (changed.size) this.paintStates(changed);
    if (due.scene || due.marks) this.paintMarks();
    if (due.scene || due.camera) this.paintCamera();
    this.paintFrame();
    if (due.scene || changed.size) {
      this.element.setAttribute("aria-label", `Graph of ${plural(this.count, "node")}, ${this.failed} failed`);
    }
  }

  paintScene() {}
  paintCamera() {}
  paintMarks() {}
  paintFrame() {}
  /** @param {ReadonlySet<string>} _changed */
  paintStates(_changed) {}
  /** @param {string} _id */
  focusNode(_id) {}

  /** @returns {import("./gestures.js").GestureTarget} */
  gestureTarget() {
    return {
      hit: (x, y) => {
        const i = this.scene.grid.at((x - this.camera.x) / this.camera.zoom, (y - this.camera.y) / this.camera.zoom);
        return i < 0 ? null : this.scene.nodes[i].id;
      },
      pan: (dx, dy) => this.jumpTo({ ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy }),
      zoom: (factor, x, y) => this.jumpTo(zoomAt(this.camera, factor, x, y)),
      drag: (id, dx, dy) => this.dragNode(id, dx / this.camera.zoom, dy / this.camera.zoom),
      drop: (id) => {
        const box = this.boxOf(id);
        if (box) this.callbacks.onMove?.(id, box.x, box.y);
      },
      click: (id) => {
        if (id !== null) this.focusNode(id);
        this.callbacks.onSelect?.(id);
      },
      doubleClick: (id) => this.callbacks.onOpen?.(id),
    };
  }

  /** @param {string} id @param {number} dx @param {number} dy */
  dragNode(id, dx, dy) {
    const i = this.scene.indices.get(id);
    if (i === undefined) return;
    this.scene.move(i, this.scene.xs[i] + dx, this.scene.ys[i] + dy);
    this.paintMoved(i);
  }

  /** @param {number} _i */
  paintMoved(_i) {}

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = ARROWS[event.key];
    if (direction) this.walk(direction);
    else if ((event.key === "Enter" || event.key === " ") && this.focused !== null) {
      if (event.shiftKey) this.callbacks.onOpen?.(this.focused);
      else this.callbacks.onSelect?.(this.focused);
    } else if (event.key === "f") this.fit();
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.25);
    else if (event.key === "-") this.zoomBy(0.8);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {import("./scene.js").Direction} direction */
  walk(direction) {
    const at = this.scene.indices.get(this.focused ?? "");
    const next = at === undefined ? 0 : this.scene.step(at, direction);
    if (next < 0 || next >= this.scene.nodes.length) return;
    const { id } = this.scene.nodes[next];
    const box = this.boxOf(id);
    if (box) this.jumpTo(reveal(this.camera, box, this.size));
    this.focusNode(id);
  }
}
