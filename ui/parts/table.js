/**
 * A table of any length, of which only the rows that can be seen are in the page.
 *
 * It has its own scroll bar. `aria-rowcount` and `aria-rowindex` say to those who do not see it how long it is
 * and where they are. Rows are walked with the arrows or j and k, and opened with Enter.
 */
import { computed, each, flush, html, onDispose, show, signal } from "../core/view.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {string} width  of a CSS grid: `120px`, `minmax(160px, 1fr)`
 * @property {(row: () => Row) => any} cell  what stands in it; follow `row()` in functions
 * @property {boolean} [isEnd]  written at the right
 * @property {boolean} [isTitleHidden]
 */

/** Rows above and below what is seen, so that quick scrolling meets no gap. */
const MARGIN = 6;

/**
 * @template Row
 * @param {object} options
 * @param {string} options.label  what the table lists
 * @param {Column<Row>[]} options.columns
 * @param {() => Row[]} options.rows
 * @param {(row: Row) => string | number} options.keyOf
 * @param {(row: Row) => void} [options.onOpen]  a click on a row, or Enter
 * @param {() => string | number | null} [options.selected]  key of the row that is looked at
 * @param {() => any} [options.empty]  shown in place of rows
 * @param {() => void} [options.onNearEnd]  the last rows come into view
 * @param {string} [options.height]  the most, in CSS
 * @param {number} [options.least]  width in px below which it scrolls sideways
 * @param {number} [options.rowHeight]  px
 * @param {boolean} [options.isRecycled]  a row that leaves gives its elements to one that comes, which makes quick
 *   scrolling cheap; cells then follow `row()` in functions alone, and keep nothing of their own
 * @param {(element: HTMLElement) => void} [options.ref]  gets the element that scrolls
 */
export function table(options) {
  const { label, columns, rows, keyOf, onOpen, selected, empty, onNearEnd, ref } = options;
  const { height = "70vh", least = 0, rowHeight = 32, isRecycled = false } = options;
  const top = signal(0);
  const seen = signal(800);
  const focused = signal(0);
  /** @type {HTMLElement} */
  let box;
  const count = computed(() => rows().length);
  const current = computed(() => Math.min(focused.value, count.value - 1));
  const shown = () => {
    const first = Math.max(0, Math.floor(top.value / rowHeight) - MARGIN);
    const last = Math.ceil((top.value + seen.value) / rowHeight) + MARGIN;
    return rows()
      .slice(first, last)
      .map((row, at) => ({ row, index: first + at }));
  };
  // As many as are shown at once: no two rows in view have the same.
  const slots = computed(() => Math.ceil(seen.value / rowHeight) + 2 * MARGIN + 1);
  const watchSize = new ResizeObserver(() => (seen.value = box.clientHeight || 800));
  onDispose(() => watchSize.disconnect());

  /** @param {HTMLElement} element */
  function adopt(element) {
    box = element;
    watchSize.observe(element);
    ref?.(element);
  }
  function onScroll() {
    top.value = box.scrollTop;
    if (onNearEnd && box.scrollTop + box.clientHeight > box.scrollHeight - 8 * rowHeight) onNearEnd();
  }
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const element = /** @type {Element} */ (event.target);
    if (element.role !== "row" || event.metaKey || event.ctrlKey || event.altKey) return;
    // The row that its element shows now, which may not be the one that got the focus.
    const [at, most] = [Number(element.getAttribute("aria-rowindex")) - 2, count.peek()];
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15, Home: -most, End: most };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    if (step !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      move(Math.max(0, Math.min(most - 1, at + step)));
    } else if (event.key === "Enter" && onOpen) {
      event.preventDefault();
      onOpen(rows()[at]);
    }
  }
  /** @param {number} index */
  function move(index) {
    focused.value = index;
    const y = index * rowHeight;
    if (y < box.scrollTop) box.scrollTop = y;
    else if (y + 2 * rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = y + 2 * rowHeight - box.clientHeight;
    top.value = box.scrollTop;
    // Now, not with the next frame: Enter may follow at once, and opens the row that has the focus.
    flush();
    /** @type {HTMLElement | null} */ (box.querySelector(`[aria-rowindex="${index + 2}"]`))?.focus();
  }

  const template = columns.map((column) => column.width).join(" ");
  return html`<div class="table" role="table" aria-label=${label} aria-rowcount=${() => count.value + 1} ref=${adopt} onscroll=${onScroll} onkeydown=${onKey}
      style=${{ "--columns": template, "--least": `${least}px`, "max-height": height }}>
    <div class="head" role="row" aria-rowindex="1">${columns.map(
      ({ title, isEnd, isTitleHidden }) =>
        html`<div class=${isEnd ? "cell end" : "cell"} role="columnheader"><span class=${isTitleHidden ? "visually-hidden" : ""}>${title}</span></div>`,
    )}</div>
    <div class="rows" role="rowgroup" style=${() => ({ height: `${count.value * rowHeight}px` })}>${each(
      shown,
      ({ row, index }) => (isRecycled ? index % slots.value : keyOf(row)),
      (item) => line(item),
    )}</div>
    ${empty ? show(() => count.value === 0, () => html`<div role="row"><div role="cell">${empty()}</div></div>`) : null}
  </div>`;

  /** @param {import("../core/view.js").Signal<{row: Row, index: number}>} item */
  function line(item) {
    // Most rows that are listed again are the ones that stand here already.
    const [own, index] = [computed(() => item.value.row), computed(() => item.value.index)];
    const row = () => own.value;
    const isSelected = () => (selected ? String(selected() === keyOf(row())) : null);
    const isFocusable = () => (current.value === index.value ? "0" : "-1");
    /** @param {MouseEvent} event */
    const onClick = (event) => {
      const isControl = /** @type {Element} */ (event.target).closest("a, button, input, select, label");
      if (!isControl) focused.value = item.peek().index;
      if (!isControl && onOpen) onOpen(item.peek().row);
    };
    return html`<div class=${onOpen ? "line can-open" : "line"} role="row" tabindex=${isFocusable} aria-rowindex=${() => index.value + 2}
        aria-selected=${isSelected}
        onclick=${onClick} onfocus=${() => (focused.value = item.peek().index)}
        style=${() => ({ top: `${index.value * rowHeight}px`, height: `${rowHeight}px` })}>${columns.map(
          ({ cell, isEnd }) => html`<div class=${isEnd ? "cell end" : "cell"} role="cell">${cell(row)}</div>`,
        )}</div>`;
  }
}
