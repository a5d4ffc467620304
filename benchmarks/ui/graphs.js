// Graphs of any size, the same at each call.

/** Numbers from 0 to 1 that look random and are not. @param {number} seed */
export function numbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Layers with edges from one to the next and some that pass a few.
 * @param {number} count
 * @param {number} edges
 * @param {number} width  nodes in a layer
 */
export function layered(count, edges, width) {
  const random = numbers(7);
  /** @type {import("../../ui/graph/scene.js").GraphNode[]} */
  const nodes = [];
  /** @param {number} layer */
  const anyOf = (layer) => `step_${layer * width + Math.floor(random() * width)}`;
  for (let i = 0; i < count; i++) {
    const layer = Math.floor(i / width);
    const dependencies = new Set(layer ? [anyOf(layer - 1)] : []);
    const more = layer ? (edges - (count - width)) / (count - width) : 0;
    if (random() < more) dependencies.add(anyOf(Math.max(0, layer - 1 - Math.floor(random() * random() * 4))));
    nodes.push({ id: `step_${i}`, handler: "http", dependencies: [...dependencies] });
  }
  return nodes;
}

/** One node before and one after many. @param {number} count */
export function fanOut(count) {
  const middle = Array.from({ length: count }, (_, i) => `load_${i}`);
  return [
    { id: "begin", handler: "noop", dependencies: [] },
    ...middle.map((id) => ({ id, handler: "http", dependencies: ["begin"] })),
    { id: "end", handler: "noop", dependencies: middle },
  ];
}

/** @param {number} count */
export function chain(count) {
  return Array.from({ length: count }, (_, i) => ({ id: `step_${i}`, handler: "transform", dependencies: i ? [`step_${i - 1}`] : [] }));
}
