/** Places of the layers: one for each node, and bare ones where a long edge passes a layer. */
import { adjacency } from "./links.js";

/**
 * @typedef {object} Places
 * @property {number} count
 * @property {number} nodes  places below this number are the nodes themselves
 * @property {Int32Array} layers
 * @property {Int32Array} parts
 * @property {import("./links.js").Adjacency} before  places one layer to the left
 * @property {import("./links.js").Adjacency} after  places one layer to the right
 * @property {Int32Array[]} routes  per link the places it passes between its ends
 */

/** More layers than that an edge never passes by places. */
const LONGEST_ROUTE = 64;

/**
 * Give every long edge places to pass through; edges of one node share theirs.
 *
 * The number of such places is bounded, twice the nodes: edges longer than what that allows get none
 * and are drawn straight across. A chain whose first node feeds all others would else need n² / 2.
 * @param {import("./links.js").Links} links
 * @param {Int32Array} layers
 * @param {Int32Array} partOf
 * @returns {Places}
 */
export function makePlaces(links, layers, partOf) {
  const nodes = layers.length;
  const reach = reachWithin(links, layers, 2 * nodes + 400);
  const placeLayers = Array.from(layers);
  const placeParts = Array.from(partOf);
  /** @type {number[]} */
  const from = [];
  /** @type {number[]} */
  const to = [];
  /** @type {Map<number, number[]>} */
  const chains = new Map();
  const nothing = new Int32Array(0);
  /** @type {Int32Array[]} */
  const routes = new Array(links.from.length).fill(nothing);
  links.from.forEach((source, i) => {
    const target = links.to[i];
    const span = layers[target] - layers[source];
    if (span === 1) {
      from.push(source);
      to.push(target);
    }
    if (span < 2 || span > reach) return;
    let chain = chains.get(source);
    if (!chain) chains.set(source, (chain = []));
    while (chain.length < span - 1) {
      from.push(chain.length ? chain[chain.length - 1] : source);
      to.push(placeLayers.length);
      chain.push(placeLayers.length);
      placeLayers.push(layers[source] + chain.length);
      placeParts.push(partOf[source]);
    }
    from.push(chain[span - 2]);
    to.push(target);
    routes[i] = Int32Array.from(chain.slice(0, span - 1));
  });
  const count = placeLayers.length;
  const [left, right] = [Int32Array.from(from), Int32Array.from(to)];
  return {
    count,
    nodes,
    layers: Int32Array.from(placeLayers),
    parts: Int32Array.from(placeParts),
    before: adjacency(count, right, left),
    after: adjacency(count, left, right),
    routes,
  };
}

/**
 * The longest span for which all edges up to it need no more than `budget` places.
 * @param {import("./links.js").Links} links
 * @param {Int32Array} layers
 * @param {number} budget
 */
function reachWithin(links, layers, budget) {
  const furthest = new Int32Array(layers.length);
  for (let reach = LONGEST_ROUTE; reach > 1; reach = reach >> 1) {
    let needed = 0;
    furthest.fill(1);
    for (let i = 0; i < links.from.length; i++) {
      const source = links.from[i];
      const span = layers[links.to[i]] - layers[source];
      if (span > reach || span <= furthest[source]) continue;
      needed += span - furthest[source];
      furthest[source] = span;
    }
    if (needed <= budget) return reach;
  }
  return 1;
}
