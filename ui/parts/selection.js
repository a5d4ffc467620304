/** Rows of a table that are chosen by a box each, and what is done with all of them. */
import { ApiError } from "../core/api.js";
import { html, signal } from "../core/view.js";
import { notify } from "./notices.js";

/** @typedef {ReturnType<typeof newSelection>} Selection */

export function newSelection() {
  const ids = signal(/** @type {Set<string>} */ (new Set()));
  return {
    /** Followed. @param {string} id */
    has: (id) => ids.value.has(id),
    /** @param {string} id */
    toggle: (id) => {
      const next = new Set(ids.peek());
      if (!next.delete(id)) next.add(id);
      ids.value = next;
    },
    clear: () => void (ids.value = new Set()),
  };
}

/**
 * The column of boxes.
 * @template Row
 * @param {Selection} selection @param {(row: Row) => string} idOf @param {(row: Row) => string} nameOf
 * @returns {import("./table.js").Column<Row>}
 */
export function selectionColumn(selection, idOf, nameOf) {
  return {
    title: "Selected",
    isTitleHidden: true,
    width: "32px",
    cell: (row) => html`<input type="checkbox" aria-label=${() => `Select ${nameOf(row())}`} .checked=${() => selection.has(idOf(row()))}
        onchange=${() => selection.toggle(idOf(row()))}>`,
  };
}

/**
 * Make the action of a dialog that does the same with each of several, whatever becomes of the others. Raises ApiError
 * with all that failed; done again, it goes on with these.
 * @template Row
 * @param {Row[]} rows
 * @param {object} how
 * @param {(row: Row) => Promise<unknown>} how.call
 * @param {(row: Row) => string} how.nameOf
 * @param {(count: number) => string} how.countOf  `3 runs`
 * @param {string} how.done  what they are then: `cancelled`
 * @param {() => unknown} how.onDone  after all of them, also where some failed
 */
export function withEach(rows, { call, nameOf, countOf, done, onDone }) {
  let left = rows;
  return async () => {
    /** @type {Array<[Row, ApiError]>} */
    const failed = [];
    for (const row of left) {
      try {
        await call(row);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failed.push([row, error]);
      }
    }
    if (failed.length < left.length) notify(`${countOf(left.length - failed.length)} ${done}`);
    left = failed.map(([row]) => row);
    await onDone();
    const errors = failed.map(([row, { message }]) => ({ message: `${nameOf(row)}: ${message}` }));
    if (errors.length > 0) throw new ApiError(0, { detail: `${countOf(errors.length)} could not be ${done}`, errors });
  };
}
