/** Where the boxes of a graph stand and the way its edges take: left to right, by layers. Pure, no DOM. */
import { findParts, longestPaths, readLinks } from "./links.js";
import { orderLayers } from "./ordering.js";
import { makePlaces } from "./places.js";
import { BOX, placePart } from "./placing.js";

export { BOX };

/**
 * @typedef {{x: number, y: number, layer: number, order: number}} Box  x, y of its top left corner
 * @typedef {{from: string, to: string, points: number[]}} Edge  points as x, y, x, y …, from box to box
 * @typedef {{boxes: Map<string, Box>, width: number, height: number, edges: Edge[]}} Layout
 */

const PART_GAP = 44;
/** Parts go side by side once they would be higher than this one below the other. */
const STACK_HEIGHT = 2400;
/** Half the gap beside a box of a folded layer, and the height over its middle at which edges reach it. */
const FOLDED = { turn: 18, lane: 29 };

/**
 * Lay a graph out. Equal nodes in equal order give an equal picture.
 * @param {readonly import("./links.js").LayoutNode[]} nodes
 * @returns {Layout}
 */
export function layoutGraph(nodes) {
  const links = readLinks(nodes);
  const layers = longestPaths(nodes.length, links);
  const { partOf, parts } = findParts(nodes.length, links);
  const places = makePlaces(links, layers, partOf);
  const xs = new Float64Array(places.count);
  const ys = new Float64Array(places.count);
  const ordered = orderLayers(places);
  const placed = ordered.map((part) => {
    const size = part.reduce((sum, layer) => sum + layer.length, 0);
    // A part of one layer has no edges: it is a plain list, and folds early.
    const foldAt = part.length === 1 ? 8 : Math.max(48, 3 * Math.sqrt(size));
    return placePart(part, places, { xs, ys, foldAt });
  });
  const { corners, width, height } = stack(placed);
  const boxes = readBoxes(nodes, ordered, corners, places, { xs, ys });
  const edges = new Array(links.from.length);
  links.from.forEach((source, i) => {
    const part = partOf[source];
    const points = route(source, links.to[i], places.routes[i], placed[part], places, { xs, ys });
    for (let p = 0; p < points.length; p += 2) {
      points[p] += corners[part].x;
      points[p + 1] += corners[part].y;
    }
    edges[i] = { from: nodes[source].id, to: nodes[links.to[i]].id, points };
  });
  return { boxes, width: parts ? width : 0, height: parts ? height : 0, edges };
}

/**
 * Corner of each part: one below the other, in several columns where that would be very high.
 * @param {import("./placing.js").PlacedPart[]} parts
 */
function stack(parts) {
  const total = parts.reduce((sum, part) => sum + part.height + PART_GAP, 0);
  const area = parts.reduce((sum, part) => sum + (part.height + PART_GAP) * (part.width + PART_GAP), 0);
  const tallest = parts.reduce((most, part) => Math.max(most, part.height), 0);
  const limit = total <= STACK_HEIGHT ? Infinity : Math.max(tallest, Math.sqrt(area / 1.6));
  let [x, y, columnWidth, width, height] = [0, 0, 0, 0, 0];
  const corners = parts.map((part) => {
    if (y > 0 && y + part.height > limit) [x, y, columnWidth] = [x + columnWidth + 2 * PART_GAP, 0, 0];
    const corner = { x, y };
    columnWidth = Math.max(columnWidth, part.width);
    width = Math.max(width, x + part.width);
    height = Math.max(height, y + part.height);
    y += part.height + PART_GAP;
    return corner;
  });
  return { corners, width, height };
}

/**
 * @param {readonly import("./links.js").LayoutNode[]} nodes
 * @param {Int32Array[][]} ordered
 * @param {{x: number, y: number}[]} corners
 * @param {import("./places.js").Places} places
 * @param {{xs: Float64Array, ys: Float64Array}} at
 */
function readBoxes(nodes, ordered, corners, places, { xs, ys }) {
  /** @type {Map<string, Box>} */
  const boxes = new Map();
  for (const node of nodes) boxes.set(node.id, { x: 0, y: 0, layer: 0, order: 0 });
  /** @type {number[]} */
  const counts = [];
  ordered.forEach((part, number) => {
    part.forEach((places_, layer) => {
      for (const place of places_) {
        if (place >= places.nodes) continue;
        const box = /** @type {Box} */ (boxes.get(nodes[place].id));
        box.x = xs[place] + corners[number].x;
        box.y = ys[place] - BOX.height / 2 + corners[number].y;
        box.layer = layer;
        box.order = counts[layer] ?? 0;
        counts[layer] = box.order + 1;
      }
    });
  });
  return boxes;
}

/**
 * Points of one edge: along the top of the layers it passes, and between the rows of folded layers.
 * @param {number} source
 * @param {number} target
 * @param {Int32Array} passing
 * @param {import("./placing.js").PlacedPart} part
 * @param {import("./places.js").Places} places
 * @param {{xs: Float64Array, ys: Float64Array}} at
 */
function route(source, target, passing, part, places, { xs, ys }) {
  const out = places.layers[source];
  const into = places.layers[target];
  const points = [xs[source] + BOX.width, ys[source]];
  if (xs[source] + BOX.width < part.rights[out] - 1) {
    const lane = ys[source] + FOLDED.lane;
    points.push(xs[source] + BOX.width + FOLDED.turn, lane, part.rights[out], lane);
  }
  for (const place of passing) {
    const layer = places.layers[place];
    points.push(part.lefts[layer], ys[place], part.rights[layer], ys[place]);
  }
  if (xs[target] > part.lefts[into] + 1) {
    const lane = ys[target] - FOLDED.lane;
    points.push(part.lefts[into], lane, xs[target] - FOLDED.turn, lane);
  }
  points.push(xs[target], ys[target]);
  return points;
}
