// Draws a graph, a timeline or a table, changes it all the time, and says how many frames a second were drawn.

import { signal, root } from "/ui/static/core/view.js";
import { LiveRun } from "/ui/static/core/live_run.js";
import { graphNodes, graphState } from "/ui/static/graph/run_graph.js";
import { CanvasGraph } from "/ui/static/graph/canvas_graph.js";
import { GraphModel } from "/ui/static/graph/graph_model.js";
import { SvgGraph } from "/ui/static/graph/svg_graph.js";
import { TimelinePane } from "/ui/static/graph/timeline_pane.js";
import { TimelineRows } from "/ui/static/graph/timeline_rows.js";
import { eventsTab } from "/ui/static/pages/run/events_tab.js";
import { nodesTab } from "/ui/static/pages/run/nodes_tab.js";
import { layered, numbers } from "./graphs.js";
import { playRun } from "./played_run.js";

const STATUSES = ["QUEUED", "RUNNING", "COMPLETED", "COMPLETED", "COMPLETED", "FAILED"];
const BATCH_MS = 100;
const stage = /** @type {HTMLElement} */ (document.getElementById("stage"));

/** Nodes as the lean view gives them. @param {number} count */
function makeRun(count) {
  const random = numbers(3);
  const began = Date.now() - 60_000;
  const nodes = layered(count, Math.round(count * 1.2), Math.max(4, Math.round(Math.sqrt(count) * 2)));
  return new Map(
    nodes.map(({ id, handler, dependencies }, i) => {
      const queued = began + (i * 50_000) / count;
      const times = [queued, queued + random() * 500, queued + 500 + random() * 5_000].map((ms) => new Date(ms).toISOString());
      const node = { node_id: id, handler, dependencies, reason: null, waiting_on: null, attempt: 1, try: 1, max_attempts: 3, due_at: null };
      const more = { worker: null, error: null, reused: false, child: null, items: null };
      return [id, { ...node, ...more, status: "COMPLETED", queued_at: times[0], started_at: times[1], ended_at: times[2] }];
    }),
  );
}

/** What the browser does for longer than 50 ms at a stretch, from now on. */
function watchTasks() {
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) longest = Math.max(longest, entry.duration);
  });
  observer.observe({ entryTypes: ["longtask"] });
  return () => {
    observer.disconnect();
    return longest;
  };
}

/** Call `draw` before each frame for so long, and count them. @param {number} seconds @param {(part: number) => void} draw */
async function countFrames(seconds, draw) {
  const longestTask = watchTasks();
  const began = performance.now();
  let frames = 0;
  await new Promise((done) => {
    const step = () => {
      const passed = (performance.now() - began) / 1000;
      frames++;
      draw(passed / seconds);
      if (passed < seconds) requestAnimationFrame(step);
      else done(null);
    };
    requestAnimationFrame(step);
  });
  const fps = (frames * 1000) / (performance.now() - began);
  return { fps, longest_task_ms: longestTask() };
}

const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

/**
 * @param {{nodes: number, zoom: number | null, changes: number, seconds: number, renderer: string}} plan
 *   zoom: null shows the whole graph; changes: a second
 */
async function measureGraph({ nodes: count, zoom, changes, seconds, renderer }) {
  const run = makeRun(count);
  const began = performance.now();
  const model = new GraphModel((id) => graphState(/** @type {any} */ (run.get(id)), Date.now()));
  model.setNodes(graphNodes(/** @type {any} */ (run.values())));
  const graph = renderer === "svg" ? new SvgGraph({}) : new CanvasGraph({});
  stage.replaceChildren(graph.element);
  graph.setGraph({ nodes: model.shown, layout: /** @type {any} */ (model.layout), moved: new Map() });
  graph.setStates(model.changes(run.keys()));
  graph.begin(null, 0);
  await drawn();
  const first = performance.now() - began;
  const bounds = graph.scene.bounds();
  if (zoom !== null) graph.setCamera({ x: -bounds.width * zoom * 0.4, y: -bounds.height * zoom * 0.4, zoom });

  const random = numbers(11);
  const ids = [...run.keys()];
  const timer = setInterval(() => {
    /** @type {Set<string>} */
    const changed = new Set();
    while (changed.size < Math.min((changes * BATCH_MS) / 1000, ids.length)) changed.add(ids[Math.floor(random() * ids.length)]);
    for (const id of changed) Object.assign(run.get(id) ?? {}, { status: STATUSES[Math.floor(random() * STATUSES.length)] });
    graph.setStates(model.changes(changed));
  }, BATCH_MS);
  const home = graph.camera;
  const figures = await countFrames(seconds, (part) => {
    const angle = part * seconds * 2;
    graph.setCamera({ ...home, x: home.x + 200 * Math.sin(angle), y: home.y + 120 * Math.cos(angle * 1.3) });
  });
  clearInterval(timer);
  graph.destroy();
  return { first_picture_ms: first, ...figures };
}

/** @param {{nodes: number, seconds: number}} plan */
async function measureTimeline({ nodes: count, seconds }) {
  const run = makeRun(count);
  const began = performance.now();
  const rows = new TimelineRows();
  const pane = new TimelinePane({ onSelect: () => {}, now: Date.now, onShown: () => {}, iconOf: () => document.createElement("span") });
  // As high as the window, as it is on the page: without that all rows would be in view.
  const holder = document.createElement("div");
  holder.className = "timeline";
  holder.append(pane.element);
  stage.replaceChildren(holder);
  pane.setRows(rows.read(/** @type {any} */ (run.values()), () => undefined));
  await drawn();
  const first = performance.now() - began;
  const most = pane.scroller.scrollHeight - pane.scroller.clientHeight;
  const figures = await countFrames(seconds, (part) => (pane.scroller.scrollTop = most * part));
  pane.destroy();
  return { first_picture_ms: first, ...figures };
}

/**
 * A tab of the run page, scrolled from its first row to its last while states change.
 * @param {{nodes: number, changes: number, seconds: number, tab: string}} plan  changes: a second
 */
async function measureTab({ nodes: count, changes, seconds, tab }) {
  const play = playRun([...makeRun(count).values()], { changes, batchMs: BATCH_MS });
  const began = performance.now();
  const dispose = root(stage, () => {
    const view = { live: new LiveRun("played"), nodeId: signal(null), filter: signal(null), select: () => {} };
    return tab === "events" ? eventsTab(view) : nodesTab(view);
  });
  while (stage.querySelector(".line") === null) await drawn();
  const first = performance.now() - began;
  const box = /** @type {HTMLElement} */ (stage.querySelector(".table"));
  // The log follows its end until somebody turns the wheel.
  box.dispatchEvent(new WheelEvent("wheel"));
  const figures = await countFrames(seconds, (part) => (box.scrollTop = (box.scrollHeight - box.clientHeight) * part));
  dispose();
  play.end();
  return { first_picture_ms: first, ...figures };
}

Object.assign(window, { measureTab, measureGraph, measureTimeline });
document.body.dataset.ready = "yes";
