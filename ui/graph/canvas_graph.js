/** The graph on a canvas, above 300 nodes: draws what is in view, once per frame. */
import { colourOf } from "../core/statuses.js";
import { ICONS } from "../parts/icons.js";
import { paintBoxes, paintEdges, paintFlatBoxes, paintFlatEdges, paintPulse, TEXT_ZOOM } from "./canvas_paint.js";
import { BOX } from "./layout.js";
import { GraphStage, UNKNOWN } from "./stage.js";
import { fitMiddle, fitPair } from "./text_fit.js";
import { COLOURS, readPalette, watchTheme } from "./palette.js";

const TEXT_ROOM = BOX.width - 36 - 8;
const PULSES = 100;
const PULSE_MS = 1600;
/** The pulse is drawn this often; more is not seen. */
const PULSE_STEP_MS = 66;
const RUNNING = COLOURS.indexOf("running");

/** @typedef {{name: string, detail: string, icon: Path2D, share: import("./scene.js").NodeState["progress"]}} Texts */

export class CanvasGraph extends GraphStage {
  /** @param {import("./stage.js").GraphCallbacks} callbacks */
  constructor(callbacks) {
    super(callbacks);
    this.canvas = document.createElement("canvas");
    this.canvas.className = "graph-canvas";
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    this.mirror = this.makeMirror();
    this.element.append(this.canvas, this.mirror);
    /** @type {import("./palette.js").Palette | null} */
    this.palette = null;
    this.colours = new Uint8Array(0);
    this.dims = new Uint8Array(0);
    this.shown = new Int32Array(0);
    /** Left, top, right, bottom of each edge. */
    this.edgeBounds = new Float32Array(0);
    /** @type {(Texts | undefined)[]} */
    this.texts = [];
    /** @type {Map<string, Path2D>} */
    this.icons = new Map();
    /** @type {number[]} */
    this.pulsing = [];
    this.pulseFrame = 0;
    this.restTimer = 0;
    this.ratio = 1;
    this.unwatch = watchTheme(() => {
      this.palette = null;
      this.invalidate();
    });
  }

  destroy() {
    cancelAnimationFrame(this.pulseFrame);
    clearTimeout(this.restTimer);
    this.unwatch();
    super.destroy();
  }

  paintScene() {
    const { nodes, edges } = this.scene;
    this.colours = new Uint8Array(nodes.length);
    this.dims = new Uint8Array(nodes.length);
    this.shown = new Int32Array(nodes.length);
    this.texts = new Array(nodes.length);
    this.edgeBounds = new Float32Array(edges.length * 4);
    for (let e = 0; e < edges.length; e++) this.measureEdge(e);
    this.paintStates(new Set(this.scene.indices.keys()));
  }

  /** @param {number} e */
  measureEdge(e) {
    const points = this.scene.edgePoints(e);
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let p = 0; p < points.length; p += 2) {
      left = Math.min(left, points[p]);
      right = Math.max(right, points[p]);
      top = Math.min(top, points[p + 1]);
      bottom = Math.max(bottom, points[p + 1]);
    }
    // The loop of an edge that leads backwards reaches beyond its ends.
    const loop = points[points.length - 2] < points[0] ? 160 : 0;
    this.edgeBounds.set([left - loop, top, right + loop, bottom], e * 4);
  }

  /** @param {ReadonlySet<string>} changed */
  paintStates(changed) {
    for (const id of changed) {
      const i = this.scene.indices.get(id);
      if (i === undefined) continue;
      this.dims[i] = Number(this.isDim(id));
      this.colours[i] = colourNumber((this.states.get(id) ?? UNKNOWN).state);
      this.texts[i] = undefined;
    }
    if (this.focused !== null && changed.has(this.focused)) this.mirror.setAttribute("aria-label", this.nameOf(this.focused));
  }

  paintMarks() {
    this.mirrorNode(this.focused);
  }

  /** @param {number} i */
  paintMoved(i) {
    for (const e of this.scene.edgesOf(i)) this.measureEdge(e);
    this.setCamera(this.camera);
  }

  paintFrame() {
    const { context, camera } = this;
    this.palette ??= this.freshPalette();
    this.fitCanvas();
    const scale = this.ratio * camera.zoom;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.palette.surface;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(scale, 0, 0, scale, camera.x * this.ratio, camera.y * this.ratio);
    const left = -camera.x / camera.zoom;
    const top = -camera.y / camera.zoom;
    const right = left + this.size.width / camera.zoom;
    const bottom = top + this.size.height / camera.zoom;
    const count = this.scene.grid.find(left - 8, top - 8, right, bottom, this.shown);
    const selected = this.scene.indices.get(this.selected ?? "") ?? -1;
    const picture = { scene: this.scene, colours: this.colours, dims: this.dims, shown: this.shown, count, zoom: camera.zoom, palette: this.palette, selected };
    const edges = this.edgesWithin(left, top, right, bottom);
    if (camera.zoom < TEXT_ZOOM) {
      paintFlatEdges(context, picture, edges);
      paintFlatBoxes(context, picture);
      this.pulsing = [];
    } else {
      paintEdges(context, picture, edges);
      paintBoxes(context, { ...picture, textsOf: (i) => this.textsOf(i) });
      this.startPulse(count);
    }
    this.placeMirror();
  }

  /** The canvas in device pixels; in those of CSS while it moves, when there are four times as many. */
  fitCanvas() {
    const dense = window.devicePixelRatio || 1;
    const isMoving = dense >= 2 && this.isMoving();
    this.ratio = isMoving ? 1 : dense;
    clearTimeout(this.restTimer);
    if (isMoving) this.restTimer = window.setTimeout(() => this.invalidate(), 160);
    const width = Math.round(this.size.width * this.ratio);
    const height = Math.round(this.size.height * this.ratio);
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.context.lineCap = "round";
    this.context.lineJoin = "round";
  }

  /** @param {number} left @param {number} top @param {number} right @param {number} bottom */
  edgesWithin(left, top, right, bottom) {
    const bounds = this.edgeBounds;
    /** @type {number[]} */
    const edges = [];
    for (let e = 0, b = 0; b < bounds.length; e++, b += 4) {
      if (bounds[b] <= right && bounds[b + 1] <= bottom && bounds[b + 2] >= left && bounds[b + 3] >= top) edges.push(e);
    }
    return edges;
  }

  freshPalette() {
    this.texts = new Array(this.scene.nodes.length);
    return readPalette(this.element);
  }

  /** @param {number} i @returns {Texts} */
  textsOf(i) {
    const known = this.texts[i];
    if (known) return known;
    const node = this.scene.nodes[i];
    const { state, detail, progress } = this.states.get(node.id) ?? UNKNOWN;
    const family = this.palette?.family ?? "sans-serif";
    const path = (ICONS[state] ?? ICONS.pending).d;
    let icon = this.icons.get(path);
    if (!icon) this.icons.set(path, (icon = new Path2D(path)));
    const texts = {
      name: fitMiddle(node.label ?? node.id, TEXT_ROOM, `550 13px ${family}`),
      detail: fitPair(node.handler, detail, TEXT_ROOM, `400 11px ${family}`),
      icon,
      share: progress,
    };
    this.texts[i] = texts;
    return texts;
  }

  /** @param {number} count  of the boxes in view */
  startPulse(count) {
    this.pulsing = [];
    if (this.reducedMotion.matches) return;
    for (let k = 0; k < count && this.pulsing.length < PULSES; k++) {
      if (this.colours[this.shown[k]] === RUNNING) this.pulsing.push(this.shown[k]);
    }
    if (this.pulsing.length && !this.pulseFrame) this.pulse(0);
  }

  /** @param {number} drawnAt */
  pulse(drawnAt) {
    this.pulseFrame = requestAnimationFrame((now) => {
      this.pulseFrame = 0;
      if (!this.pulsing.length || !this.palette) return;
      if (now - drawnAt >= PULSE_STEP_MS) {
        const strength = 0.775 + 0.225 * Math.cos((now / PULSE_MS) * 2 * Math.PI);
        paintPulse(this.context, this.scene, this.pulsing, this.palette, strength);
        this.pulse(now);
      } else this.pulse(drawnAt);
    });
  }

  makeMirror() {
    const mirror = document.createElement("div");
    mirror.className = "graph-mirror";
    mirror.setAttribute("role", "button");
    mirror.tabIndex = 0;
    mirror.addEventListener("focus", () => {
      const first = this.focused ?? this.firstFocus();
      if (first !== null) this.mirrorNode(first);
    });
    return mirror;
  }

  /** @param {string} id */
  focusNode(id) {
    // A new element each time: a name that changes under the focus is not read out, a new focus is.
    const mirror = this.makeMirror();
    this.mirror.replaceWith(mirror);
    this.mirror = mirror;
    this.mirrorNode(id);
    mirror.focus({ preventScroll: true });
  }

  /** @param {string | null} id */
  mirrorNode(id) {
    this.focused = id;
    if (id === null) this.mirror.setAttribute("aria-label", "Nodes of the graph");
    else {
      this.mirror.setAttribute("aria-label", this.nameOf(id));
      this.mirror.setAttribute("data-id", id);
    }
    this.mirror.setAttribute("aria-current", String(id !== null && id === this.selected));
    this.placeMirror();
  }

  placeMirror() {
    const box = this.focused === null ? null : this.boxOf(this.focused);
    if (!box) return;
    const { x, y, zoom } = this.camera;
    const style = this.mirror.style;
    style.setProperty("transform", `translate(${box.x * zoom + x}px, ${box.y * zoom + y}px)`);
    style.setProperty("width", `${Math.max(8, box.width * zoom)}px`);
    style.setProperty("height", `${Math.max(8, box.height * zoom)}px`);
  }
}

/** @param {string} state */
function colourNumber(state) {
  return COLOURS.indexOf(colourOf(state));
}
