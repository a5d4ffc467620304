/**
 * A text area for code: numbers beside the lines, marks at those with problems, and a Tab that indents.
 *
 * Esc, then Tab leaves it, so that it can be left by keyboard.
 */
import { each, html, onDispose, signal } from "../core/view.js";
import { icon } from "./icons.js";

/** @typedef {{line: number, isError: boolean}} LineMark  lines from 1 */
/** @typedef {{element: any, jumpTo: (line: number, column?: number) => void}} CodeEditor */

const LINE_PX = 18;
const PADDING_PX = 8;
const INDENT = "  ";

/**
 * @param {object} options
 * @param {import("../core/view.js").Signal<string>} options.text
 * @param {() => LineMark[]} options.marks  followed
 * @param {string} options.label
 * @param {string} [options.describedBy]  id of the element that lists the problems
 * @returns {CodeEditor}
 */
export function codeEditor({ text, marks, label, describedBy }) {
  /** @type {HTMLTextAreaElement} */
  let area;
  const top = signal(0);
  const height = signal(600);
  let isLeaving = false;

  const watchSize = new ResizeObserver(() => (height.value = area.clientHeight || 600));
  onDispose(() => watchSize.disconnect());
  const adopt = (/** @type {HTMLTextAreaElement} */ element) => {
    area = element;
    watchSize.observe(element);
  };
  // Only the lines that are seen are drawn.
  const shown = () => {
    const count = text.value.split("\n").length;
    const first = Math.max(0, Math.floor((top.value - PADDING_PX) / LINE_PX) - 2);
    const last = Math.min(count, first + Math.ceil(height.value / LINE_PX) + 5);
    const kinds = new Map();
    for (const { line, isError } of marks()) if (kinds.get(line) !== "error") kinds.set(line, isError ? "error" : "warning");
    return Array.from({ length: Math.max(0, last - first) }, (_, at) => ({ line: first + at + 1, kind: kinds.get(first + at + 1) ?? "" }));
  };
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (event.key === "Escape") isLeaving = true;
    else if (event.key === "Tab" && !isLeaving && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      indent(event.shiftKey);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) {
      event.preventDefault();
      const before = area.value.slice(0, area.selectionStart);
      insert(`\n${/^[ ]*/.exec(before.slice(before.lastIndexOf("\n") + 1))?.[0] ?? ""}`);
    } else if (event.key !== "Shift") isLeaving = false;
  }
  /** As if it were typed, so that undo takes it back. @param {string} inserted */
  function insert(inserted) {
    const isDone = inserted === "" ? document.execCommand("delete") : document.execCommand("insertText", false, inserted);
    if (!isDone) {
      area.setRangeText(inserted, area.selectionStart, area.selectionEnd, "end");
      text.value = area.value;
    }
  }
  /** Move the lines of the selection, or the rest of this one. @param {boolean} isBack */
  function indent(isBack) {
    const { selectionStart: start, selectionEnd: end, value } = area;
    if (start === end && !isBack) return insert(INDENT);
    const from = value.lastIndexOf("\n", start - 1) + 1;
    const to = end > start && value[end - 1] === "\n" ? end - 1 : end;
    const old = value.slice(from, to);
    const moved = isBack ? old.replace(/^ {1,2}/gm, "") : old.replace(/^(?=.)/gm, INDENT);
    if (moved === old) return;
    area.setSelectionRange(from, to);
    insert(moved);
    if (start === end) {
      const at = Math.max(from, start - (old.length - moved.length));
      area.setSelectionRange(at, at);
    } else area.setSelectionRange(from, from + moved.length);
  }
  /** Put the cursor at a place, and show it. @param {number} line @param {number} [column] */
  function jumpTo(line, column = 1) {
    const lines = area.value.split("\n");
    const at = Math.min(line, lines.length) - 1;
    const start = lines.slice(0, at).reduce((sum, each) => sum + each.length + 1, 0);
    const place = start + Math.min(column - 1, lines[at]?.length ?? 0);
    area.focus();
    area.setSelectionRange(place, place);
    area.scrollTop = Math.max(0, at * LINE_PX - area.clientHeight / 3);
    top.value = area.scrollTop;
  }
  const element = html`<div class="code-editor">
    <div class="code-lines" aria-hidden="true">${each(
      shown,
      ({ line }) => line,
      (row) =>
        html`<div class=${() => row.value.kind} style=${() => ({ top: `${PADDING_PX + (row.value.line - 1) * LINE_PX - top.value}px` })}>${() =>
          row.value.kind ? icon(row.value.kind === "error" ? "failed" : "warning") : null}<span>${() => row.value.line}</span></div>`,
    )}</div>
    <textarea aria-label=${label} aria-describedby=${describedBy} spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off" ref=${adopt}
      .value=${() => text.value} oninput=${(/** @type {any} */ event) => (text.value = event.target.value)} onkeydown=${onKey}
          onblur=${() => (isLeaving = false)} onscroll=${() => (top.value = area.scrollTop)}></textarea>
  </div>`;
  return { element, jumpTo };
}
