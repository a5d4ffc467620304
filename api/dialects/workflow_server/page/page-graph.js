// Draws the graph of a workflow in layers from above to below. Every text is put in through textContent.

const MOST_NODES = 200;
const MOST_EDGES = 400;
const MOST_CHARS = 32;
const CHAR = 7.4; // the width of a character
const HEIGHT = 40; // of a box
const ROW = 74; // from one layer to the next
const GAP = 22; // between neighbours
const SWEEPS = 12;

// Gives what keeps it from being drawn, or an empty text.
export function draw(svg, graph) {
  const { edges } = graph;
  const nodes = graph.nodes.map((node) => ({
    ...node,
    label: node.label ?? node.id,
    node_type: node.node_type ?? "node",
  }));
  if (nodes.length > MOST_NODES || edges.length > MOST_EDGES) {
    const found = `${nodes.length} nodes and ${edges.length} edges`;
    return `Too large to be drawn: ${found}; at most ${MOST_NODES} and ${MOST_EDGES}.`;
  }
  const boxes = new Map(nodes.map((node) => [node.id, boxOf(node)]));
  const lines = edges
    .filter(({ source, target }) => source !== target && boxes.has(source) && boxes.has(target))
    .map(({ source, target }) => ({ from: boxes.get(source), to: boxes.get(target), isBack: false }));
  arrange(assignLayers([...boxes.values()], lines), lines);

  const items = [...boxes.values(), ...lines.flatMap((line) => line.bends)];
  const left = Math.min(...items.map((item) => item.x - item.width / 2));
  const right = Math.max(...items.map((item) => item.x + item.width / 2));
  const [width, height] = [right - left + 8, (1 + Math.max(...items.map((item) => item.layer))) * ROW];
  for (const [name, value] of Object.entries({ width, height, viewBox: `${left - 4} 0 ${width} ${height}` })) {
    svg.setAttribute(name, value);
  }
  const steps = edges.map(({ source, target }) => `${source} to ${target}`);
  svg.setAttribute("aria-label", `Graph of ${graph.name}: ${steps.join(", ")}`);
  const make = (name, attributes, text) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  svg.replaceChildren(
    ...lines.flatMap((line) => drawnLine(line, make)),
    ...[...boxes.values()].map((box) => drawnBox(box, make)),
  );
  return "";
}

function boxOf(node) {
  const label = node.label.length > MOST_CHARS ? `${node.label.slice(0, MOST_CHARS - 1)}…` : node.label;
  return { node, label, width: Math.max(label.length * CHAR + 34, 90), layer: 0, x: 0 };
}

// Puts each box below all that lead to it. An edge that closes a circle is laid the other way round, and marked.
function assignLayers(boxes, lines) {
  const [below, isLedTo] = [new Map(boxes.map((box) => [box, []])), new Set()];
  for (const line of lines) {
    below.get(line.from).push(line);
    isLedTo.add(line.to);
  }
  const [open, sorted, seen] = [new Set(), [], new Set()];
  const visit = (box) => {
    seen.add(box);
    open.add(box);
    for (const line of below.get(box)) {
      if (open.has(line.to)) line.isBack = true;
      else if (!seen.has(line.to)) visit(line.to);
    }
    open.delete(box);
    sorted.unshift(box);
  };
  for (const box of [...boxes.filter((each) => !isLedTo.has(each)), ...boxes]) if (!seen.has(box)) visit(box);
  for (const line of lines) if (line.isBack) [line.from, line.to] = [line.to, line.from];
  const place = new Map(sorted.map((box, index) => [box, index]));
  for (const line of [...lines].sort((one, other) => place.get(one.from) - place.get(other.from))) {
    line.to.layer = Math.max(line.to.layer, line.from.layer + 1);
  }
  return sorted;
}

// Gives every box, and every place where an edge crosses a layer, its place beside its neighbours.
function arrange(boxes, lines) {
  const rows = [];
  const put = (item) => (rows[item.layer] ||= []).push(item);
  for (const box of boxes) put(Object.assign(box, { above: [], below: [] }));
  for (const line of lines) {
    line.bends = [];
    for (let layer = line.from.layer + 1; layer < line.to.layer; layer += 1) {
      line.bends.push({ layer, width: 8, x: 0, above: [], below: [] });
    }
    line.bends.forEach(put);
    const chain = [line.from, ...line.bends, line.to];
    for (let index = 1; index < chain.length; index += 1) {
      chain[index - 1].below.push(chain[index]);
      chain[index].above.push(chain[index - 1]);
    }
  }
  rows.forEach((row) => row.forEach((item, index) => (item.x = index)));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? rows : [...rows].reverse()) spread(row, isDown ? "above" : "below");
  }
}

// Moves each item of a row to the middle of its neighbours on one side, as far as those beside it allow.
function spread(row, side) {
  const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  for (const item of row) item.wanted = item[side].length ? mean(item[side].map((each) => each.x)) : item.x;
  row.sort((one, other) => one.wanted - other.wanted);
  let free = -Infinity;
  for (const item of row) {
    item.x = Math.max(item.wanted, free + item.width / 2);
    free = item.x + item.width / 2 + GAP;
  }
  const moved = mean(row.map((item) => item.wanted - item.x));
  for (const item of row) item.x += moved;
}

const topOf = (item) => item.layer * ROW + (ROW - HEIGHT) / 2;

function drawnLine({ from, to, bends, isBack }, make) {
  const start = topOf(from) + HEIGHT;
  let path = `M ${from.x} ${start}`;
  let [x, y] = [from.x, start];
  for (const next of [...bends, to]) {
    const top = topOf(next);
    const middle = (y + top) / 2;
    path += ` C ${x} ${middle} ${next.x} ${middle} ${next.x} ${top}`;
    [x, y] = [next.x, top];
    if (next !== to) path += ` V ${(y = top + HEIGHT)}`;
  }
  const [tip, back] = isBack ? [start, 7] : [y, -7];
  const at = isBack ? from.x : to.x;
  return [
    make("path", { class: "edge", d: path }),
    make("path", { class: "head", d: `M ${at - 4} ${tip + back} L ${at} ${tip} L ${at + 4} ${tip + back} Z` }),
  ];
}

// A step is a rectangle, an event has round ends, what is external has pointed ones; each says what it is.
function drawnBox({ node, label, width, layer, x }, make) {
  const [left, top] = [x - width / 2, layer * ROW + (ROW - HEIGHT) / 2];
  const group = make("g", { class: node.node_type });
  const details = node.event_types ? node.event_types.join(", ") : node.description;
  group.append(make("title", {}, details ? `${node.label}: ${details}` : node.label));
  const [right, middle, bottom] = [left + width, top + HEIGHT / 2, top + HEIGHT];
  if (node.node_type === "external") {
    const [near, far] = [left + 12, right - 12];
    const points = [[near, top], [far, top], [right, middle], [far, bottom], [near, bottom], [left, middle]];
    group.append(make("polygon", { class: "shape", points: points.join(" ") }));
  } else {
    const rx = node.node_type === "event" ? HEIGHT / 2 : 0;
    group.append(make("rect", { class: "shape", x: left, y: top, width, height: HEIGHT, rx }));
  }
  group.append(make("text", { x, y: top + 17 }, label));
  group.append(make("text", { class: "kind", x, y: top + 31 }, node.node_type));
  return group;
}
