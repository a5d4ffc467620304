/** Axis and rows of the timeline. Only rows in view have elements, which are used again as they scroll. */
import { duration } from "../core/time.js";
import { colourOf } from "../core/statuses.js";
import { panTime, timeMarks, zoomTime } from "./timeline_scale.js";
import { describeRow } from "./timeline_rows.js";

/**
 * @typedef {import("./timeline_rows.js").TimelineRow} TimelineRow
 * @typedef {Record<"element" | "icon" | "name" | "track" | "took", HTMLElement> & {row: TimelineRow | null, state: string}} RowParts
 */

const ROW = 28;
const MARGIN = 4;
/** A bar is never narrower, px. */
const LEAST_BAR = 2;
const LIVE_MS = 100;

export class TimelinePane {
  /**
   * @param {object} options
   * @param {(id: string) => void} options.onSelect
   * @param {() => number} options.now
   * @param {() => void} options.onShown  other rows came into view
   * @param {(state: string) => Node} options.iconOf
   */
  constructor({ onSelect, now, onShown, iconOf }) {
    this.onSelect = onSelect;
    this.now = now;
    this.onShown = onShown;
    this.iconOf = iconOf;
    this.axis = make("div", "timeline-axis");
    this.space = make("div", "timeline-space");
    this.scroller = make("div", "timeline-rows");
    this.scroller.setAttribute("role", "listbox");
    this.scroller.setAttribute("aria-label", "Timeline");
    this.scroller.append(this.space);
    this.element = make("div", "timeline-pane");
    this.element.append(this.axis, this.scroller);
    /** @type {readonly TimelineRow[]} */
    this.rows = [];
    /** @type {RowParts[]} */
    this.pool = [];
    /** What is shown of the time; null is all of it. @type {import("./timeline_scale.js").Stretch | null} */
    this.stretch = null;
    this.whole = { from: 0, to: 1 };
    this.range = { first: 0, last: 0 };
    /** @type {string | null} */
    this.selected = null;
    this.focused = 0;
    this.frame = 0;
    this.timer = 0;
    this.width = 0;
    this.observer = new ResizeObserver(() => this.invalidate());
    this.observer.observe(this.scroller);
    this.scroller.addEventListener("scroll", () => this.invalidate());
    this.element.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.scroller.addEventListener("keydown", (event) => this.onKey(event));
    this.listenForDrag();
  }

  /** @param {readonly TimelineRow[]} rows */
  setRows(rows) {
    this.rows = rows;
    this.invalidate();
  }

  /** @param {string | null} id */
  select(id) {
    this.selected = id;
    const index = id === null ? -1 : this.rows.findIndex((row) => row.id === id);
    if (index >= 0) this.focused = index;
    this.invalidate();
  }

  /** @param {boolean} isLive */
  setLive(isLive) {
    clearInterval(this.timer);
    this.timer = isLive ? window.setInterval(() => document.hidden || this.invalidate(), LIVE_MS) : 0;
    this.invalidate();
  }

  showWhole() {
    this.stretch = null;
    this.invalidate();
  }

  /** @param {number} factor @param {number} [part]  where the moment lies that stays */
  zoomBy(factor, part = 0.5) {
    this.stretch = zoomTime(this.stretch ?? this.whole, this.whole, factor, part);
    this.invalidate();
  }

  shownRows() {
    return this.rows.slice(this.range.first, this.range.last);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
    this.observer.disconnect();
  }

  invalidate() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { rows, scroller } = this;
    const nowMs = this.now();
    this.measure(nowMs);
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - MARGIN);
    const last = Math.min(rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + MARGIN);
    const isOther = first !== this.range.first || last !== this.range.last;
    this.range = { first, last };
    this.space.style.setProperty("height", `${rows.length * ROW}px`);
    this.focused = Math.max(0, Math.min(rows.length - 1, this.focused));
    const needed = last - first;
    while (this.pool.length < needed) this.pool.push(this.makeRow());
    // A row keeps its element while it is in view, and with it the focus.
    const size = this.pool.length;
    const isUsed = new Set();
    for (let index = first; index < last; index++) {
      isUsed.add(index % size);
      this.paintRow(this.pool[index % size], index, nowMs);
    }
    this.pool.forEach((parts, at) => (parts.element.hidden = !isUsed.has(at)));
    this.paintAxis();
    if (isOther) this.onShown();
  }

  /** @param {number} nowMs */
  measure(nowMs) {
    let [from, to] = [Infinity, -Infinity];
    for (const row of this.rows) {
      from = Math.min(from, row.start);
      to = Math.max(to, row.end ?? nowMs);
    }
    this.whole = from > to ? { from: nowMs, to: nowMs + 1000 } : { from, to: Math.max(to, from + 10) };
    this.width = Math.max(50, this.axis.clientWidth - this.nameWidth() - 72);
  }

  nameWidth() {
    return Math.min(240, Math.max(110, this.axis.clientWidth * 0.24));
  }

  /** Place of a moment, px from the left of the track. @param {number} ms */
  placeOf(ms) {
    const { from, to } = this.stretch ?? this.whole;
    return ((ms - from) / (to - from)) * this.width;
  }

  /** @returns {RowParts} */
  makeRow() {
    const element = make("div", "timeline-row");
    element.setAttribute("role", "option");
    const [icon, name] = [make("span", "timeline-icon"), make("bdi", "timeline-name")];
    const [track, took] = [make("div", "timeline-track"), make("span", "timeline-took")];
    const head = make("div", "timeline-head");
    head.append(icon, name);
    element.append(head, track);
    /** @type {RowParts} */
    const parts = { element, icon, name, track, took, row: null, state: "" };
    element.addEventListener("click", () => {
      if (!parts.row) return;
      this.focused = this.rows.indexOf(parts.row);
      this.onSelect(parts.row.id);
    });
    this.space.append(element);
    return parts;
  }

  /** @param {RowParts} parts @param {number} index @param {number} nowMs */
  paintRow(parts, index, nowMs) {
    const row = this.rows[index];
    const { element, icon, name } = parts;
    if (parts.row !== row) {
      element.setAttribute("aria-posinset", String(index + 1));
      element.setAttribute("aria-label", describeRow(row, this.whole.from, nowMs));
      name.textContent = row.id;
      name.title = `${row.id} · ${row.handler}`;
    }
    if (parts.state !== row.state) icon.replaceChildren(this.iconOf(row.state));
    parts.row = row;
    parts.state = row.state;
    element.setAttribute("aria-setsize", String(this.rows.length));
    element.setAttribute("aria-selected", String(row.id === this.selected));
    element.tabIndex = index === this.focused ? 0 : -1;
    element.style.setProperty("transform", `translateY(${index * ROW}px)`);
    this.paintTrack(parts, row, nowMs);
  }

  /** @param {RowParts} parts @param {TimelineRow} row @param {number} nowMs */
  paintTrack({ track, took }, row, nowMs) {
    /** @type {{name: string, left: number, width: number}[]} */
    const pieces = [];
    for (const { kind, from, to, state } of row.segments) {
      const left = Math.max(-4, this.placeOf(from));
      const right = Math.min(this.width + 4, this.placeOf(to ?? nowMs));
      if (right < 0 || left > this.width) continue;
      pieces.push({ name: `timeline-bar is-${kind} state-${colourOf(state)}`, left, width: Math.max(LEAST_BAR, right - left) });
    }
    for (const at of row.ticks) {
      const left = this.placeOf(at);
      if (left >= 0 && left <= this.width) pieces.push({ name: "timeline-tick state-failed", left, width: 2 });
    }
    while (track.childElementCount > pieces.length) track.lastElementChild?.remove();
    while (track.childElementCount < pieces.length) track.append(make("i", ""));
    pieces.forEach(({ name, left, width }, at) => {
      const piece = /** @type {HTMLElement} */ (track.children[at]);
      if (piece.className !== name) piece.className = name;
      piece.style.setProperty("transform", `translateX(${left.toFixed(1)}px)`);
      piece.style.setProperty("width", `${width.toFixed(1)}px`);
    });
    const end = Math.max(0, Math.min(this.width, this.placeOf(row.end ?? nowMs)));
    took.hidden = !pieces.length;
    took.textContent = duration((row.end ?? nowMs) - row.start, { isTicking: row.end === null });
    took.style.setProperty("transform", `translateX(${(end + 6).toFixed(1)}px)`);
    if (took.parentElement !== track.parentElement) track.after(took);
  }

  paintAxis() {
    const shown = this.stretch ?? this.whole;
    const { marks, step } = timeMarks(shown, this.whole.from, this.width);
    const style = this.element.style;
    style.setProperty("--names", `${this.nameWidth()}px`);
    style.setProperty("--step", `${(step / (shown.to - shown.from)) * this.width}px`);
    style.setProperty("--first", `${marks.length ? this.placeOf(marks[0]) : 0}px`);
    while (this.axis.childElementCount > marks.length) this.axis.lastElementChild?.remove();
    while (this.axis.childElementCount < marks.length) this.axis.append(make("span", "timeline-mark"));
    marks.forEach((at, i) => {
      const mark = /** @type {HTMLElement} */ (this.axis.children[i]);
      mark.textContent = at === this.whole.from ? "0" : `+${duration(at - this.whole.from).replace(".0 s", " s")}`;
      mark.style.setProperty("transform", `translateX(${this.placeOf(at)}px)`);
    });
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    const isOnAxis = this.axis.contains(/** @type {Node} */ (event.target));
    // Without a key the wheel scrolls the rows, as it does everywhere.
    if (!isOnAxis && !event.ctrlKey && !event.metaKey) {
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && this.stretch) {
        event.preventDefault();
        this.panBy(event.deltaX);
      }
      return;
    }
    event.preventDefault();
    const left = event.clientX - this.axis.getBoundingClientRect().left - this.nameWidth();
    this.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), Math.max(0, Math.min(1, left / this.width)));
  }

  /** @param {number} px */
  panBy(px) {
    if (!this.stretch) return;
    this.stretch = panTime(this.stretch, this.whole, (px * (this.stretch.to - this.stretch.from)) / this.width);
    this.invalidate();
  }

  listenForDrag() {
    /** @type {{x: number, isDrag: boolean} | null} */
    let press = null;
    this.element.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") press = { x: event.clientX, isDrag: false };
    });
    this.element.addEventListener("pointermove", (event) => {
      if (!press || !(event.buttons & 1)) return;
      if (!press.isDrag && Math.abs(event.clientX - press.x) < 5) return;
      press.isDrag = true;
      this.panBy(press.x - event.clientX);
      press.x = event.clientX;
    });
    // Before the rows hear of it: the end of a drag is no click.
    this.element.addEventListener(
      "click",
      (event) => {
        if (press?.isDrag) event.stopPropagation();
        press = null;
      },
      true,
    );
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (step !== undefined) this.focusRow(this.focused + step);
    else if (event.key === "Enter" || event.key === " ") this.onSelect(this.rows[this.focused].id);
    else if (event.key === "ArrowLeft") this.panBy(-this.width / 8);
    else if (event.key === "ArrowRight") this.panBy(this.width / 8);
    else if (event.key === "+") this.zoomBy(1.5);
    else if (event.key === "-") this.zoomBy(1 / 1.5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} index */
  focusRow(index) {
    this.focused = Math.max(0, Math.min(this.rows.length - 1, index));
    const top = this.focused * ROW;
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + ROW > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + ROW - scroller.clientHeight;
    cancelAnimationFrame(this.frame);
    this.paint();
    this.pool[this.focused % this.pool.length]?.element.focus({ preventScroll: true });
  }
}

/** @param {string} tag @param {string} name */
function make(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}
