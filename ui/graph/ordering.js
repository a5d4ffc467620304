/** Order of the places within each layer: few crossings, found by barycentre sweeps. */

const SWEEPS = 4;
/** Above this many places neighbours are not exchanged one by one any more: it would take longer than a frame. */
const EXCHANGE_LIMIT = 600;
/** More than a layer can have places, and little enough for means of 1/256 beside it in a number. */
const POSITIONS = 2 ** 20;

/**
 * Layers of one part, each as its places from top to bottom.
 * @param {import("./places.js").Places} places
 * @returns {Int32Array[][]}  by part, then by layer
 */
export function orderLayers(places) {
  const parts = startingOrder(places);
  const order = new Float64Array(places.count);
  for (const layers of parts) {
    for (const layer of layers) for (let i = 0; i < layer.length; i++) order[layer[i]] = i;
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const isForward = sweep % 2 === 0;
      for (let step = 1; step < layers.length; step++) {
        const at = isForward ? step : layers.length - 1 - step;
        const fixed = layers[isForward ? at - 1 : at + 1];
        sortByNeighbours(layers[at], fixed.length, isForward ? places.before : places.after, order);
      }
    }
    const size = layers.reduce((sum, layer) => sum + layer.length, 0);
    if (size <= EXCHANGE_LIMIT) exchangeNeighbours(layers, places, order);
  }
  return parts;
}

/**
 * Depth first from the nodes that depend on nothing: what follows a node then lies near it from the start.
 * @param {import("./places.js").Places} places
 */
function startingOrder(places) {
  const { count, layers, parts, after } = places;
  /** @type {number[][][]} */
  const lists = [];
  const isSeen = new Uint8Array(count);
  /** @type {number[]} */
  const stack = [];
  /** @param {number} place */
  const visit = (place) => {
    isSeen[place] = 1;
    const part = (lists[parts[place]] ??= []);
    while (part.length <= layers[place]) part.push([]);
    part[layers[place]].push(place);
    for (let i = after.starts[place + 1] - 1; i >= after.starts[place]; i--) stack.push(after.ends[i]);
  };
  for (let first = 0; first < count; first++) {
    if (layers[first] > 0 && first < places.nodes && places.before.starts[first] < places.before.starts[first + 1]) continue;
    if (isSeen[first]) continue;
    visit(first);
    while (stack.length) {
      const place = /** @type {number} */ (stack.pop());
      if (!isSeen[place]) visit(place);
    }
  }
  for (let place = 0; place < count; place++) if (!isSeen[place]) visit(place);
  return lists.map((part) => part.map((layer) => Int32Array.from(layer)));
}

/**
 * @param {Int32Array} layer
 * @param {number} fixedSize
 * @param {import("./links.js").Adjacency} neighbours
 * @param {Float64Array} order
 */
function sortByNeighbours(layer, fixedSize, neighbours, order) {
  const scale = fixedSize / layer.length;
  const { starts, ends } = neighbours;
  const keys = new Float64Array(layer.length);
  for (let at = 0; at < layer.length; at++) {
    const place = layer[at];
    const count = starts[place + 1] - starts[place];
    let sum = 0;
    for (let i = starts[place]; i < starts[place + 1]; i++) sum += order[ends[i]];
    const mean = count ? sum / count : at * scale;
    // The position in the low digits: numbers sort ten times faster than by a comparison of ours, and
    // the present order breaks ties, so that equal graphs give equal pictures.
    keys[at] = Math.round(mean * 256) * POSITIONS + at;
  }
  keys.sort();
  const before = layer.slice();
  for (let i = 0; i < keys.length; i++) {
    layer[i] = before[keys[i] % POSITIONS];
    order[layer[i]] = i;
  }
}

/**
 * Exchange places next to each other as long as that removes crossings, at most four times round.
 * @param {Int32Array[]} layers
 * @param {import("./places.js").Places} places
 * @param {Float64Array} order
 */
function exchangeNeighbours(layers, places, order) {
  let isBetter = true;
  for (let round = 0; round < 4 && isBetter; round++) {
    isBetter = false;
    for (const layer of layers) {
      for (let i = 0; i + 1 < layer.length; i++) {
        const [upper, lower] = [layer[i], layer[i + 1]];
        const gain =
          crossings(upper, lower, places.before, order) + crossings(upper, lower, places.after, order) -
          crossings(lower, upper, places.before, order) - crossings(lower, upper, places.after, order);
        if (gain <= 0) continue;
        [layer[i], layer[i + 1]] = [lower, upper];
        [order[upper], order[lower]] = [order[lower], order[upper]];
        isBetter = true;
      }
    }
  }
}

/**
 * Crossings between the links of two places when `upper` lies above `lower`.
 * @param {number} upper
 * @param {number} lower
 * @param {import("./links.js").Adjacency} neighbours
 * @param {Float64Array} order
 */
function crossings(upper, lower, neighbours, order) {
  let count = 0;
  for (let i = neighbours.starts[upper]; i < neighbours.starts[upper + 1]; i++) {
    const reached = order[neighbours.ends[i]];
    for (let j = neighbours.starts[lower]; j < neighbours.starts[lower + 1]; j++) {
      if (order[neighbours.ends[j]] < reached) count++;
    }
  }
  return count;
}
