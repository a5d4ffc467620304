/** Draws boxes and edges on a canvas: as they are, or as flat marks once their texts cannot be read. */
import { traceArrow, traceEdge } from "./edge_shape.js";
import { BOX } from "./layout.js";
import { COLOURS } from "./palette.js";

/** Below this zoom boxes are flat and without texts. */
export const TEXT_ZOOM = 0.35;

const RUNNING = COLOURS.indexOf("running");
const FAILED = COLOURS.indexOf("failed");
const UPSTREAM = COLOURS.indexOf("upstream_failed");
const PENDING = COLOURS.indexOf("pending");
const SKIPPED = COLOURS.indexOf("skipped");
const CANCELLED = COLOURS.indexOf("cancelled");
const FAINT = new Set([UPSTREAM, PENDING, SKIPPED]);
const OUTLINED = new Set([FAILED, UPSTREAM, PENDING, SKIPPED, CANCELLED]);
/** Failed ones come last, so that none of them is hidden by its neighbours. */
const PAINTED = COLOURS.map((_, colour) => colour).sort((a, b) => Number(a === FAILED) - Number(b === FAILED));
/** Strength of boxes that step back. */
const DIM = 0.3;
/** Smallest side of a failed box, px. */
const LEAST_FAILED = 4;

/**
 * @typedef {object} Picture
 * @property {import("./scene.js").Scene} scene
 * @property {Uint8Array} colours  of each node, a number of COLOURS
 * @property {Uint8Array} dims  1 for a node that steps back
 * @property {Int32Array} shown  numbers of the nodes in view
 * @property {number} count  of them
 * @property {number} zoom
 * @property {import("./palette.js").Palette} palette
 * @property {number} selected  number of the node, or -1
 */

/**
 * Boxes as flat rectangles, in one go per colour.
 * @param {CanvasRenderingContext2D} context  in the coordinates of the graph
 * @param {Picture} picture
 */
export function paintFlatBoxes(context, { scene, colours, dims, shown, count, zoom, palette, selected }) {
  for (const colour of PAINTED) {
    context.fillStyle = FAINT.has(colour) ? palette.faint[colour] : palette.states[colour];
    const least = colour === FAILED ? LEAST_FAILED / zoom : 1 / zoom;
    const width = Math.max(BOX.width, least);
    const height = Math.max(BOX.height, least);
    for (let k = 0; k < count; k++) {
      const i = shown[k];
      if (colours[i] !== colour) continue;
      if (dims[i]) context.globalAlpha = DIM;
      context.fillRect(scene.xs[i], scene.ys[i], width, height);
      if (dims[i]) context.globalAlpha = 1;
    }
  }
  if (selected < 0) return;
  context.strokeStyle = palette.accent;
  context.lineWidth = 2 / zoom;
  const gap = 2 / zoom;
  context.strokeRect(scene.xs[selected] - gap, scene.ys[selected] - gap, BOX.width + 2 * gap, BOX.height + 2 * gap);
}

/**
 * Boxes with outline, bar, icon and texts.
 * @param {CanvasRenderingContext2D} context
 * @param {Picture & {textsOf: (i: number) => {name: string, detail: string, icon: Path2D, share: import("./scene.js").NodeState["progress"]}}} picture
 */
export function paintBoxes(context, { scene, colours, dims, shown, count, palette, selected, textsOf }) {
  const fonts = { name: `550 13px ${palette.family}`, detail: `400 11px ${palette.family}` };
  for (let k = 0; k < count; k++) {
    const i = shown[k];
    const colour = colours[i];
    const [x, y] = [scene.xs[i], scene.ys[i]];
    context.globalAlpha = dims[i] ? DIM : 1;
    if (scene.nodes[i].members) for (const by of [6, 3]) paintBox(context, x + by, y + by, colour, palette, false);
    paintBox(context, x, y, colour, palette, i === selected);
    paintBar(context, x, y, palette.states[colour]);
    const { name, detail, icon, share } = textsOf(i);
    context.globalAlpha *= colour === SKIPPED ? 0.6 : 1;
    context.fillStyle = palette.text;
    context.font = fonts.name;
    context.fillText(name, x + 36, y + 19);
    context.fillStyle = palette.muted;
    context.font = fonts.detail;
    context.fillText(detail, x + 36, y + 34);
    paintIcon(context, icon, x + 11, y + 14, palette.states[colour], colour === RUNNING || colour === CANCELLED);
    context.globalAlpha = 1;
    if (share) paintShare(context, x + 8, y + BOX.height - 4, share, palette);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} colour
 * @param {import("./palette.js").Palette} palette
 * @param {boolean} isSelected
 */
function paintBox(context, x, y, colour, palette, isSelected) {
  context.beginPath();
  context.roundRect(x, y, BOX.width, BOX.height, 6);
  context.fillStyle = colour === FAILED ? palette.failedFill : palette.raised;
  context.fill();
  if (colour === UPSTREAM) paintHatch(context, x, y, palette.states[colour]);
  context.strokeStyle = isSelected ? palette.accent : OUTLINED.has(colour) ? palette.states[colour] : palette.outlines[colour];
  context.lineWidth = isSelected ? 2 : 1;
  const dash = isSelected ? [] : colour === PENDING ? [4, 3] : colour === SKIPPED ? [1, 3] : [];
  if (dash.length) context.setLineDash(dash);
  context.stroke();
  if (dash.length) context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {string} colour */
function paintHatch(context, x, y, colour) {
  context.save();
  context.clip();
  context.beginPath();
  for (let at = -BOX.height; at < BOX.width; at += 10) {
    context.moveTo(x + at, y + BOX.height);
    context.lineTo(x + at + BOX.height, y);
  }
  context.globalAlpha *= 0.28;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
  context.restore();
  context.beginPath();
  context.roundRect(x, y, BOX.width, BOX.height, 6);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {string} colour */
function paintBar(context, x, y, colour) {
  context.fillStyle = colour;
  context.fillRect(x + 1.5, y + 3, 3, BOX.height - 6);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} icon
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 * @param {boolean} isFilled
 */
function paintIcon(context, icon, x, y, colour, isFilled) {
  context.translate(x, y);
  context.scale(2 / 3, 2 / 3);
  context.strokeStyle = colour;
  context.lineWidth = 2.25;
  context.stroke(icon);
  if (isFilled) {
    context.fillStyle = colour;
    context.fill(icon);
  }
  context.scale(1.5, 1.5);
  context.translate(-x, -y);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {{ended: number, failed: number, total: number}} share
 * @param {import("./palette.js").Palette} palette
 */
function paintShare(context, x, y, share, palette) {
  const width = BOX.width - 16;
  const bad = (width * share.failed) / Math.max(1, share.total);
  const good = (width * share.ended) / Math.max(1, share.total) - bad;
  context.fillStyle = palette.states[COLOURS.indexOf("completed")];
  context.fillRect(x, y, good, 2);
  context.fillStyle = palette.states[FAILED];
  context.fillRect(x + good, y, bad, 2);
}

/**
 * The bars of running boxes once more, in the strength of this moment of the pulse.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./scene.js").Scene} scene
 * @param {readonly number[]} pulsing
 * @param {import("./palette.js").Palette} palette
 * @param {number} strength  0 to 1
 */
export function paintPulse(context, scene, pulsing, palette, strength) {
  for (const i of pulsing) {
    paintBar(context, scene.xs[i], scene.ys[i], palette.raised);
    context.globalAlpha = strength;
    paintBar(context, scene.xs[i], scene.ys[i], palette.states[RUNNING]);
    context.globalAlpha = 1;
  }
}

/**
 * Edges with curves and arrows.
 * @param {CanvasRenderingContext2D} context
 * @param {Picture} picture
 * @param {readonly number[]} edges  numbers of those in view
 */
export function paintEdges(context, { scene, colours, palette, selected }, edges) {
  /** @param {readonly number[]} some @param {string} colour @param {number} width @param {number[]} dash */
  const draw = (some, colour, width, dash) => {
    if (!some.length) return;
    context.beginPath();
    for (const e of some) traceEdge(context, scene.edgePoints(e));
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    for (const e of some) traceArrow(context, scene.edgePoints(e));
    context.fillStyle = colour;
    context.fill();
  };
  /** @type {{plain: number[], skipped: number[], near: number[]}} */
  const kinds = { plain: [], skipped: [], near: [] };
  for (const e of edges) {
    const [from, to] = [scene.edgeFrom[e], scene.edgeTo[e]];
    if (from === selected || to === selected) kinds.near.push(e);
    else if (colours[from] === SKIPPED || colours[to] === SKIPPED) kinds.skipped.push(e);
    else kinds.plain.push(e);
  }
  draw(kinds.plain, palette.strong, 1.25, []);
  draw(kinds.skipped, palette.strong, 1.25, [4, 4]);
  draw(kinds.near, palette.accent, 2, []);
}

/**
 * Edges as straight lines, thin and pale: from afar they are a texture, not something to follow.
 * @param {CanvasRenderingContext2D} context
 * @param {Picture} picture
 * @param {readonly number[]} edges
 */
export function paintFlatEdges(context, { scene, zoom, palette, selected }, edges) {
  /** @param {number} e */
  const trace = (e) => {
    const points = scene.edgePoints(e);
    context.moveTo(points[0], points[1]);
    for (let p = 2; p < points.length; p += 2) context.lineTo(points[p], points[p + 1]);
  };
  context.beginPath();
  for (const e of edges) trace(e);
  context.globalAlpha = edges.length > 1500 ? 0.3 : 0.6;
  context.strokeStyle = palette.strong;
  context.lineWidth = 1 / zoom;
  context.stroke();
  context.globalAlpha = 1;
  if (selected < 0) return;
  context.beginPath();
  for (const e of scene.edgesOf(selected)) trace(e);
  context.strokeStyle = palette.accent;
  context.lineWidth = 1.5 / zoom;
  context.stroke();
}
