/** Dependencies of a graph as number arrays, so that 10,000 nodes are laid out within a frame or two. */

/**
 * @typedef {{id: string, dependencies: readonly string[]}} LayoutNode
 * @typedef {{from: Int32Array, to: Int32Array}} Links
 * @typedef {{starts: Int32Array, ends: Int32Array}} Adjacency  ends[starts[n] … starts[n + 1] - 1] belong to n
 */

/**
 * Read each dependency once. Those on unknown nodes and on the node itself are left out: a draft in
 * the editor may have them, and is drawn nevertheless.
 * @param {readonly LayoutNode[]} nodes
 * @returns {Links}
 */
export function readLinks(nodes) {
  /** @type {Map<string, number>} */
  const indices = new Map();
  nodes.forEach((node, index) => indices.set(node.id, index));
  /** @type {number[]} */
  const from = [];
  /** @type {number[]} */
  const to = [];
  const seenBy = new Int32Array(nodes.length).fill(-1);
  nodes.forEach((node, index) => {
    for (const id of node.dependencies) {
      const other = indices.get(id);
      if (other === undefined || other === index || seenBy[other] === index) continue;
      seenBy[other] = index;
      from.push(other);
      to.push(index);
    }
  });
  return { from: Int32Array.from(from), to: Int32Array.from(to) };
}

/**
 * Neighbours of each of `count` nodes, in the order of the links.
 * @param {number} count
 * @param {Int32Array} keys  whose neighbours
 * @param {Int32Array} values  the neighbours
 * @returns {Adjacency}
 */
export function adjacency(count, keys, values) {
  const starts = new Int32Array(count + 1);
  for (let i = 0; i < keys.length; i++) starts[keys[i] + 1]++;
  for (let n = 0; n < count; n++) starts[n + 1] += starts[n];
  const next = starts.slice(0, count);
  const ends = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) ends[next[keys[i]]++] = values[i];
  return { starts, ends };
}

/**
 * Layer of each node: the length of the longest path that leads to it.
 *
 * Nodes of a cycle have no such length. The first of them in the order of the definition is then taken
 * as if nothing stood before it, as often as needed: a faulty draft gets a picture too.
 * @param {number} count
 * @param {Links} links
 * @returns {Int32Array}
 */
export function longestPaths(count, links) {
  const after = adjacency(count, links.from, links.to);
  const layers = new Int32Array(count);
  const open = new Int32Array(count);
  const isDone = new Uint8Array(count);
  for (const node of links.to) open[node]++;
  const ready = new Int32Array(count);
  let size = 0;
  for (let n = 0; n < count; n++) if (open[n] === 0) ready[size++] = n;
  let candidate = 0;
  for (let done = 0; done < count; done++) {
    if (done === size) {
      while (isDone[candidate] || open[candidate] === 0) candidate++;
      open[candidate] = 0;
      ready[size++] = candidate;
    }
    const node = ready[done];
    isDone[node] = 1;
    for (let i = after.starts[node]; i < after.starts[node + 1]; i++) {
      const next = after.ends[i];
      if (isDone[next] || open[next] === 0) continue;
      layers[next] = Math.max(layers[next], layers[node] + 1);
      if (--open[next] === 0) ready[size++] = next;
    }
  }
  return layers;
}

/**
 * Parts of the graph that hang together, by their first node; nodes without any link are one part, the last.
 * @param {number} count
 * @param {Links} links
 * @returns {{partOf: Int32Array, parts: number}}
 */
export function findParts(count, links) {
  const parent = new Int32Array(count);
  for (let n = 0; n < count; n++) parent[n] = n;
  /** @param {number} n */
  const find = (n) => {
    while (parent[n] !== n) n = parent[n] = parent[parent[n]];
    return n;
  };
  const isLinked = new Uint8Array(count);
  for (let i = 0; i < links.from.length; i++) {
    const a = find(links.from[i]);
    const b = find(links.to[i]);
    isLinked[links.from[i]] = isLinked[links.to[i]] = 1;
    if (a < b) parent[b] = a;
    else parent[a] = b;
  }
  const partOf = new Int32Array(count).fill(-1);
  let parts = 0;
  for (let n = 0; n < count; n++) {
    if (!isLinked[n]) continue;
    const first = find(n);
    if (partOf[first] < 0) partOf[first] = parts++;
    partOf[n] = partOf[first];
  }
  let hasLoose = false;
  for (let n = 0; n < count; n++) {
    if (partOf[n] >= 0) continue;
    partOf[n] = parts;
    hasLoose = true;
  }
  return { partOf, parts: hasLoose ? parts + 1 : parts };
}
