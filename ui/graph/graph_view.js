/** The graph as part of a page: picks the renderer, follows the signals, and has the buttons. */
import { now } from "../core/time.js";
import { effect, html, onDispose, signal, untracked } from "../core/view.js";
import { shortcuts } from "../parts/shortcuts.js";
import { GraphModel } from "./graph_model.js";
import { Positions } from "./positions.js";
import { SvgGraph } from "./svg_graph.js";

/** As SVG more nodes than that are too slow to pan. */
const MOST_SVG = 300;
/** Up to so many nodes the first picture is never smaller than can be read. */
const SMALL = 60;
const READABLE = 0.75;
/** A larger graph that fits only below this zoom, such as a chain of thousands, is no picture at all. */
const LEAST_WHOLE = 0.025;

/** @type {typeof import("./canvas_graph.js").CanvasGraph | null} */
let CanvasGraph = null;

async function loadCanvas() {
  CanvasGraph = (await import("./canvas_graph.js")).CanvasGraph;
}

/**
 * A graph of nodes and their states.
 * @param {object} options
 * @param {() => readonly import("./scene.js").GraphNode[]} options.nodes  followed; laid out only when they differ
 * @param {(id: string) => import("./scene.js").NodeState} options.stateOf  of one node, as it is now
 * @param {() => Iterable<string>} options.changed  followed; ids of nodes whose state may differ since it was asked last
 * @param {import("../core/view.js").Computed<string | null>} options.selected  followed; id of a node
 * @param {(id: string | null) => void} options.onSelect  null: clicked beside all nodes
 * @param {(id: string) => void} [options.onOpen]  a double click
 * @param {() => string | null} [options.filter]  followed; nodes in other states than this step back
 * @param {string | null} [options.storageKey]  workflow and version, under which moved nodes are kept
 * @param {boolean} [options.hasKeys]  whether f, + and - work on the whole page; of one graph only
 */
export function graphView({ nodes, stateOf, changed, selected, onSelect, onOpen, filter = () => null, storageKey = null, hasKeys = true }) {
  const model = new GraphModel(stateOf);
  const positions = new Positions(storageKey);
  const moved = signal(positions.places.size);
  const groups = signal(/** @type {{count: number, expanded: number}} */ ({ count: 0, expanded: 0 }));
  const holder = /** @type {HTMLElement} */ (html`<div class="graph"></div>`);
  /** @type {import("./stage.js").GraphStage | null} */
  let renderer = null;
  let hasBegun = false;
  let isOver = false;

  const callbacks = {
    onSelect: (/** @type {string | null} */ id) => {
      if (id !== null && model.groups.has(id)) expand([...model.expanded, id], id);
      else onSelect(id);
    },
    onOpen: (/** @type {string} */ id) => {
      if (!model.groups.has(id)) onOpen?.(id);
    },
    onMove: (/** @type {string} */ id, /** @type {number} */ x, /** @type {number} */ y) => {
      positions.set(id, x, y);
      moved.value = positions.places.size;
    },
  };

  /** Show the model as it is now, by the renderer for its size; the one for many nodes is loaded when there are many. */
  function draw() {
    const isLarge = model.shown.length > MOST_SVG;
    if (isLarge && CanvasGraph === null) return void loadCanvas().then(() => isOver || draw(), reportError);
    const Renderer = /** @type {typeof SvgGraph} */ (isLarge ? CanvasGraph : SvgGraph);
    if (!(renderer instanceof Renderer)) {
      const before = renderer;
      renderer = new Renderer(callbacks);
      if (before) renderer.camera = before.camera;
      before?.destroy();
      holder.prepend(renderer.element);
    }
    const layout = /** @type {import("./layout.js").Layout} */ (model.layout);
    renderer.setGraph({ nodes: model.shown, layout, moved: positions.places });
    renderer.setStates(model.changes(model.nodes.map((node) => node.id)));
    renderer.setFilter(untracked(filter));
    showSelected(selected.peek());
    groups.value = { count: model.groups.size, expanded: model.expanded.size };
    if (!hasBegun && model.nodes.length) {
      hasBegun = true;
      renderer.begin(model.urgent(), model.nodes.length <= SMALL ? READABLE : LEAST_WHOLE);
    }
  }

  /**
   * Expand these groups and no others. What stood at `anchor` stays where it was on the screen.
   * @param {readonly string[]} ids
   * @param {string} anchor  id of a group
   */
  function expand(ids, anchor) {
    const first = model.groups.get(anchor)?.members[0] ?? "";
    const before = renderer?.boxOf(anchor) ?? renderer?.boxOf(first);
    model.expand(new Set(ids));
    draw();
    const after = renderer?.boxOf(anchor) ?? renderer?.boxOf(first);
    if (!renderer || !before || !after) return;
    const { x, y, zoom } = renderer.camera;
    renderer.jumpTo({ x: x + (before.x - after.x) * zoom, y: y + (before.y - after.y) * zoom, zoom });
  }

  function toggleTwins() {
    const all = [...model.groups.keys()];
    expand(model.expanded.size === all.length ? [] : all, all[0]);
    renderer?.fit();
  }

  function resetPositions() {
    positions.reset();
    moved.value = 0;
    draw();
    renderer?.fit();
  }

  /** @param {string | null} id */
  function showSelected(id) {
    const shown = id === null ? null : model.shownAs(id);
    renderer?.select(shown);
    return shown;
  }

  effect(() => {
    const list = nodes();
    untracked(() => {
      if (!model.setNodes(list) && renderer) return;
      changed(); // is drawn with all the others
      draw();
    });
  });
  effect(() => {
    const ids = [...changed()];
    if (ids.length) renderer?.setStates(model.changes(ids.filter((id) => model.known.has(id))));
  });
  effect(() => renderer?.setFilter(filter()));
  effect(() => {
    if (now.value) renderer?.setStates(model.changes(model.ticks()));
  });
  effect(() => {
    const shown = showSelected(selected.value);
    if (shown !== null && hasBegun) renderer?.reveal(shown);
  });
  onDispose(() => {
    isOver = true;
    renderer?.destroy();
  });

  const fit = () => renderer?.fit();
  const nearer = () => renderer?.zoomBy(1.25);
  const farther = () => renderer?.zoomBy(0.8);
  if (hasKeys) {
    shortcuts([
      { keys: "f", does: "show the whole graph", run: fit },
      { keys: "+", does: "zoom in", run: nearer },
      { keys: "-", does: "zoom out", run: farther },
    ]);
  }
  holder.append(
    html`<div class="graph-tools" role="toolbar" aria-label="Graph">
      ${() => (groups.value.count ? html`<button onclick=${toggleTwins}>${twinsLabel(groups.value)}</button>` : null)}
      ${() => (moved.value ? html`<button onclick=${resetPositions}>Reset positions</button>` : null)}
      <button onclick=${fit} title="Show the whole graph (f)">Fit</button>
      <button class="icon-only" onclick=${farther} aria-label="Zoom out" title="Zoom out (-)">−</button>
      <button class="icon-only" onclick=${nearer} aria-label="Zoom in" title="Zoom in (+)">+</button>
    </div>`,
  );
  return holder;
}

/** @param {{count: number, expanded: number}} groups */
function twinsLabel({ count, expanded }) {
  const what = count === 1 ? "twins" : `${count} groups of twins`;
  return `${expanded === count ? "Collapse" : "Expand"} ${what}`;
}

