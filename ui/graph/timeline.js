/** The nodes of a run on a line of time: a row each, in the order in which they began. */
import { now, serverNow } from "../core/time.js";
import { effect, html, onDispose, untracked } from "../core/view.js";
import { stateIcon } from "../parts/status.js";
import { TimelinePane } from "./timeline_pane.js";
import { hasParts, TimelineRows } from "./timeline_rows.js";

/** Rows are read again at most this often; a long list more seldom. */
const READ_MS = 100;
const READ_LONG_MS = 400;
const LONG = 2_000;
/** Attempts are asked for once a row has been in view for so long. */
const ATTEMPTS_AFTER_MS = 200;

/**
 * @param {object} options
 * @param {() => Iterable<import("./timeline_rows.js").TimedNode>} options.nodes  followed
 * @param {(id: string) => Promise<readonly import("./timeline_rows.js").Attempt[]>} [options.attempts]  asked for rows in view with more than one
 * @param {() => string | null} options.selected  followed; id of a node
 * @param {(id: string) => void} options.onSelect
 * @param {() => boolean} options.isLive  followed; whether time goes on
 */
export function timelineView({ nodes, attempts, selected, onSelect, isLive }) {
  const rows = new TimelineRows();
  /** @type {Map<string, {stage: number, list: readonly import("./timeline_rows.js").Attempt[] | undefined}>} */
  const known = new Map();
  let timer = 0;
  let asking = 0;
  let size = 0;
  const pane = new TimelinePane({ onSelect, now: serverNow, onShown: () => askLater(), iconOf: (state) => stateIcon(() => state) });

  function read() {
    timer = 0;
    const list = rows.read(untracked(nodes), (id) => known.get(id)?.list);
    size = list.length;
    pane.setRows(list);
  }
  function readLater() {
    if (!timer) timer = window.setTimeout(read, size > LONG ? READ_LONG_MS : READ_MS);
  }
  function askLater() {
    clearTimeout(asking);
    if (attempts) asking = window.setTimeout(ask, ATTEMPTS_AFTER_MS);
  }
  function ask() {
    for (const row of pane.shownRows()) {
      // Asked once for each attempt, and once more when the row has ended.
      const stage = row.end === null ? row.attempt : row.attempt + 0.5;
      if (!hasParts(row) || known.get(row.id)?.stage === stage) continue;
      const entry = { stage, list: known.get(row.id)?.list };
      known.set(row.id, entry);
      // Without its attempts a row shows the last one: the picture is poorer, not wrong.
      attempts?.(row.id).then(
        (list) => {
          entry.list = list;
          readLater();
        },
        () => {},
      );
    }
  }

  effect(() => {
    nodes();
    if (size) readLater();
    else read();
  });
  effect(() => pane.select(selected()));
  effect(() => pane.setLive(isLive()));
  effect(() => {
    if (now.value) pane.invalidate();
  });
  onDispose(() => {
    clearTimeout(timer);
    clearTimeout(asking);
    pane.destroy();
  });
  return html`<div class="timeline">
    <div class="graph-tools timeline-tools" role="toolbar" aria-label="Timeline">
      <button onclick=${() => pane.showWhole()} title="Show the whole time">Fit</button>
      <button class="icon-only" onclick=${() => pane.zoomBy(1 / 1.5)} aria-label="Show more time" title="Zoom out">−</button>
      <button class="icon-only" onclick=${() => pane.zoomBy(1.5)} aria-label="Show less time" title="Zoom in: wheel on the axis, or with Ctrl">+</button>
    </div>
    ${pane.element}
  </div>`;
}

