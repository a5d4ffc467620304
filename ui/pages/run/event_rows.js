/**
 * The events of a run that fit a filter, each with the time since the one before it.
 *
 * A run of ten thousand nodes has thirty thousand events: of those that come only they are looked at, and the
 * arrays grow in place. Pure.
 */

/** @typedef {import("../../core/reducer.js").RunEvent} RunEvent */
/** @typedef {{event: RunEvent, sinceMs: number | null}} EventRow  null of the first */

/** Of more events the newer half is kept; the others are on the server. */
const MOST = 100_000;

export class EventRows {
  /** Those that fit, ascending. @type {EventRow[]} */
  rows = [];
  /** All that are known: ascending, and none between them missing. @type {RunEvent[]} */
  #events = [];
  /** @type {(event: RunEvent) => boolean} */
  #fits = () => true;
  #most;

  constructor(most = MOST) {
    this.#most = most;
  }

  /** Number of the first event that is known. @returns {number | null} */
  get first() {
    return this.#events[0]?.seq ?? null;
  }

  /** Show those that fit, and no others. @param {(event: RunEvent) => boolean} fits */
  filter(fits) {
    this.#fits = fits;
    this.rows = [];
    this.#list(this.#events);
  }

  /**
   * Take what came; of what is known already nothing is taken twice.
   * @param {readonly RunEvent[]} events  ascending
   * @returns {boolean} false if events before these are missing, and nothing was taken
   */
  append(events) {
    const last = this.#events.at(-1)?.seq;
    const fresh = events.filter(({ seq }) => seq > (last ?? 0));
    if (fresh.length === 0) return true;
    if (last !== undefined && fresh[0].seq !== last + 1) return false;
    this.#events.push(...fresh);
    if (this.#events.length <= this.#most) this.#list(fresh);
    else this.restart(this.#events.slice(-this.#most / 2));
    return true;
  }

  /** Put older events in front, if they are those just before. @param {readonly RunEvent[]} events  ascending */
  prepend(events) {
    const first = this.first;
    const older = first === null ? events : events.filter(({ seq }) => seq < first);
    if (first === null || older.at(-1)?.seq === first - 1) this.restart([...older, ...this.#events]);
  }

  /** Know these events and no others. @param {readonly RunEvent[]} events  ascending */
  restart(events) {
    this.#events = events.filter(({ seq }) => seq > 0);
    this.filter(this.#fits);
  }

  /** @param {readonly RunEvent[]} events */
  #list(events) {
    let before = this.rows.at(-1);
    for (const event of events) {
      if (!this.#fits(event)) continue;
      before = { event, sinceMs: before ? Date.parse(event.ts) - Date.parse(before.event.ts) : null };
      this.rows.push(before);
    }
  }
}
