/** Coordinates of the places of one part: straight edges where the order allows, and no overlap. */

export const BOX = { width: 168, height: 44, rankGap: 64, rowGap: 20 };

const ROW = BOX.height + BOX.rowGap;
const COLUMN_GAP = 36;
const SWEEPS = 8;
/** Distance of a passing edge to a box and to another passing edge. */
const PASSING = { box: 36, edge: 14 };

/**
 * @typedef {object} PlacedPart
 * @property {Float64Array} lefts  x of each layer
 * @property {Float64Array} rights
 * @property {number[]} columns  of each layer; 1 unless it is folded
 * @property {number} width
 * @property {number} height
 */

/**
 * Place one part with its top left corner at 0, 0. Writes the centre heights into `ys`, left edges into `xs`.
 *
 * A layer of more boxes than `foldAt` is folded into several columns, row by row: a fan-out of thousands
 * would else be a line that no zoom shows.
 * @param {Int32Array[]} layers
 * @param {import("./places.js").Places} places
 * @param {{xs: Float64Array, ys: Float64Array, foldAt: number}} out
 * @returns {PlacedPart}
 */
export function placePart(layers, places, { xs, ys, foldAt }) {
  const columns = layers.map((layer) => columnsOf(layer, places.nodes, foldAt));
  const lefts = new Float64Array(layers.length);
  const rights = new Float64Array(layers.length);
  let left = 0;
  layers.forEach((layer, at) => {
    lefts[at] = left;
    rights[at] = left + columns[at] * (BOX.width + COLUMN_GAP) - COLUMN_GAP;
    left = rights[at] + BOX.rankGap;
    let box = 0;
    for (const place of layer) {
      const column = place < places.nodes ? box++ % columns[at] : 0;
      xs[place] = lefts[at] + column * (BOX.width + COLUMN_GAP);
    }
  });
  placeRows(layers, places, columns, ys);
  let [top, bottom] = [Infinity, -Infinity];
  for (const layer of layers) {
    for (const place of layer) {
      top = Math.min(top, ys[place] - (place < places.nodes ? BOX.height / 2 : 0));
      bottom = Math.max(bottom, ys[place] + (place < places.nodes ? BOX.height / 2 : 0));
    }
  }
  for (const layer of layers) for (const place of layer) ys[place] = Math.round(ys[place] - top);
  return { lefts, rights, columns, width: left - BOX.rankGap, height: bottom - top };
}

/**
 * @param {Int32Array} layer
 * @param {number} nodes
 * @param {number} foldAt
 */
function columnsOf(layer, nodes, foldAt) {
  let boxes = 0;
  for (const place of layer) if (place < nodes) boxes++;
  if (boxes <= foldAt) return 1;
  // Half as wide again as high, like the screens it is read on.
  const rows = Math.sqrt((boxes * (BOX.width + COLUMN_GAP)) / (1.5 * ROW));
  return Math.max(2, Math.round(boxes / rows));
}

/**
 * @param {Int32Array[]} layers
 * @param {import("./places.js").Places} places
 * @param {number[]} columns
 * @param {Float64Array} ys
 */
function placeRows(layers, places, columns, ys) {
  const longest = Math.max(...layers.map((layer) => layer.length));
  const scratch = { wanted: new Float64Array(longest), offsets: new Float64Array(longest), blocks: new Float64Array(longest * 3) };
  layers.forEach((layer, at) => {
    for (let i = 0; i < layer.length; i++) scratch.wanted[i] = 0;
    settle(layer, places, columns[at], scratch, ys);
  });
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isForward = sweep % 2 === 0;
    for (let step = 0; step < layers.length; step++) {
      const at = isForward ? step : layers.length - 1 - step;
      const near = isForward ? places.before : places.after;
      const sides = sweep < SWEEPS - 4 ? [near] : [near, isForward ? places.after : places.before];
      wish(layers[at], places, sides, ys, scratch.wanted);
      settle(layers[at], places, columns[at], scratch, ys);
    }
  }
}

/**
 * Height that each place would like best: the mean of its neighbours, or where it is.
 *
 * The places of one long edge pull at each other harder than boxes do: a bend in a line is seen sooner
 * than a box a little off the middle.
 * @param {Int32Array} layer
 * @param {import("./places.js").Places} places
 * @param {readonly import("./links.js").Adjacency[]} sides  left, right, or both in the last sweeps
 * @param {Float64Array} ys
 * @param {Float64Array} wanted
 */
function wish(layer, places, sides, ys, wanted) {
  for (let i = 0; i < layer.length; i++) {
    const place = layer[i];
    let sum = 0;
    let total = 0;
    for (const { starts, ends } of sides) {
      for (let k = starts[place]; k < starts[place + 1]; k++) {
        const weight = place >= places.nodes && ends[k] >= places.nodes ? 6 : 1;
        sum += ys[ends[k]] * weight;
        total += weight;
      }
    }
    wanted[i] = total ? sum / total : ys[place];
  }
}

/**
 * Heights nearest to the wanted ones (least squares) that keep the order and the distances.
 *
 * Places whose wishes collide move as one block to the mean of their wishes, which is exact and takes
 * linear time (pool adjacent violators).
 * @param {Int32Array} layer
 * @param {import("./places.js").Places} places
 * @param {number} columns
 * @param {{wanted: Float64Array, offsets: Float64Array, blocks: Float64Array}} scratch
 * @param {Float64Array} ys
 */
function settle(layer, places, columns, { wanted, offsets, blocks }, ys) {
  if (columns > 1) {
    settleFolded(layer, places.nodes, columns, wanted, ys);
    return;
  }
  let offset = 0;
  let count = 0;
  for (let i = 0; i < layer.length; i++) {
    if (i > 0) offset += distance(layer[i - 1], layer[i], places.nodes);
    offsets[i] = offset;
    let mean = wanted[i] - offset;
    let weight = 1;
    let first = i;
    while (count > 0 && blocks[count * 3 - 3] >= mean) {
      const other = blocks[count * 3 - 2];
      mean = (mean * weight + blocks[count * 3 - 3] * other) / (weight + other);
      weight += other;
      first = blocks[count * 3 - 1];
      count--;
    }
    blocks[count * 3] = mean;
    blocks[count * 3 + 1] = weight;
    blocks[count * 3 + 2] = first;
    count++;
  }
  for (let b = 0; b < count; b++) {
    const end = b + 1 < count ? blocks[b * 3 + 5] : layer.length;
    for (let i = blocks[b * 3 + 2]; i < end; i++) ys[layer[i]] = blocks[b * 3] + offsets[i];
  }
}

/**
 * Rows of a folded layer round the mean of the wishes; edges that pass it go between the rows.
 * @param {Int32Array} layer
 * @param {number} nodes
 * @param {number} columns
 * @param {Float64Array} wanted
 * @param {Float64Array} ys
 */
function settleFolded(layer, nodes, columns, wanted, ys) {
  let [sum, boxes] = [0, 0];
  layer.forEach((place, i) => {
    if (place < nodes) [sum, boxes] = [sum + wanted[i], boxes + 1];
  });
  const rows = Math.ceil(boxes / columns);
  const top = sum / boxes - ((rows - 1) * ROW) / 2;
  let box = 0;
  layer.forEach((place, i) => {
    if (place < nodes) ys[place] = top + Math.floor(box++ / columns) * ROW;
    else ys[place] = top + (Math.min(Math.max(Math.round((wanted[i] - top) / ROW - 0.5), -1), rows - 1) + 0.5) * ROW;
  });
}

/**
 * @param {number} upper
 * @param {number} lower
 * @param {number} nodes
 */
function distance(upper, lower, nodes) {
  if (upper < nodes && lower < nodes) return ROW;
  return upper < nodes || lower < nodes ? PASSING.box : PASSING.edge;
}
