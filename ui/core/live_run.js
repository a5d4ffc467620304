/**
 * One execution, live: its view, then the events after it, over one stream.
 *
 * Events are applied as they come, and shown once per frame. The view is read when it has to be: at first, where
 * events do not say all, and where some are gone. A stream that broke goes on behind the last event that came, and
 * so does that of a tab that was hidden, which closes it, since a browser has six connections to a server.
 */
import { ApiError, api } from "./api.js";
import { apply, replaceNode, runOf } from "./reducer.js";
import { follow } from "./stream.js";
import { isOver } from "./statuses.js";
import { effect, onDispose, signal, untracked } from "./view.js";

/** @typedef {import("./reducer.js").Run} Run */
/** @typedef {import("./reducer.js").RunEvent} RunEvent */
/** @typedef {"loading" | "live" | "reconnecting" | "ended" | "hidden"} Connection */

/** A view is read again at most this often, and so is a mapped node whose items move. */
const READ_AGAIN_MS = 1_000;
/** A run that has ended is asked this often whether it goes on. */
const ENDED_MS = 10_000;
/** What a tab missed that was hidden longer is more than a view. */
const AWAY_MS = 60_000;

export class LiveRun {
  /** Raised with each change that is shown. Follow it, then read `run`. */
  version = signal(0);
  /** Raised when the execution itself changed, and not only its nodes. */
  head = signal(0);
  /** Raised when the view was read again: its nodes may be others. */
  shape = signal(0);
  /** @type {import("./view.js").Signal<Connection>} */
  connection = signal(/** @type {Connection} */ ("loading"));
  /** @type {import("./view.js").Signal<ApiError | null>} why it cannot be shown */
  error = signal(/** @type {ApiError | null} */ (null));
  /** @type {Run | null} */
  run = null;
  /** @type {Set<string>} ids of nodes that changed since `takeChanged` */
  #changed = new Set();
  /** @type {Set<(events: RunEvent[]) => void>} */
  #listeners = new Set();
  /** @type {RunEvent[]} that no listener has had yet */
  #unheard = [];
  /** @type {RunEvent[]} that came while the view was on its way */
  #meanwhile = [];
  #isReading = false;
  #isWanted = false;
  #hiddenAt = 0;
  /** @type {(() => void) | null} closes the stream; null while there is none */
  #close = null;
  /** @type {Map<string, number>} timers of what is read again, by node id; "" is the whole view */
  #timers = new Map();
  #isOver = false;

  /** @param {string} id  of the execution */
  constructor(id) {
    this.id = id;
    this.path = `/v1/executions/${encodeURIComponent(id)}`;
    const whenShown = () => (document.hidden ? this.#hide() : this.#show());
    document.addEventListener("visibilitychange", whenShown);
    onDispose(() => {
      document.removeEventListener("visibilitychange", whenShown);
      this.#isOver = true;
      this.#close?.();
      for (const timer of this.#timers.values()) clearTimeout(timer);
    });
    // With the frame that shows them, however many parts they came in.
    effect(() => {
      if (this.version.value > 0) untracked(() => this.#tell());
    });
    void this.refresh();
  }

  /** The node of this id, as it is now. @param {string | null} id */
  node(id) {
    return id === null ? undefined : this.run?.nodes.get(id);
  }

  /** Ids of nodes that changed since this was asked last. For one asker. */
  takeChanged() {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Hear of events, once per frame. Gives what ends that. @param {(events: RunEvent[]) => void} listener */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Read the view, and follow the events behind it. Asked for while it is read, it is read once more. */
  async refresh() {
    this.#isWanted = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isWanted && !this.#isOver) {
        this.#isWanted = false;
        await this.#read();
      }
    } finally {
      this.#isReading = false;
    }
  }

  async #read() {
    this.#meanwhile = [];
    try {
      const view = await api.get(this.path, { view: "lean" });
      if (this.#isOver) return;
      this.run = runOf(view, this.run);
      // The stream stayed open, and what it brought the view need not have.
      for (const event of this.#meanwhile) apply(this.run, event);
      for (const id of this.run.nodes.keys()) this.#changed.add(id);
      this.error.value = null;
      this.shape.value++;
      this.head.value++;
      this.version.value++;
      if (!document.hidden && this.#close === null) this.#follow();
    } catch (error) {
      if (this.#isOver) return;
      if (!(error instanceof ApiError)) throw error;
      // What is shown stays while the server is away; it is asked again. A run that has been removed does not come back.
      if (this.run === null || error.status === 404) this.error.value = error;
      if (error.status === 0 || error.status >= 500) this.#later("", 3_000, () => this.refresh());
    }
  }

  #follow() {
    const isEnded = () => this.run !== null && isOver(this.run.execution.status);
    this.#close = follow(() => `${this.path}/events?after=${this.run?.seq ?? 0}`, {
      onEvents: (events) => this.#take(events.map((event) => event.data)),
      onState: (state) => {
        if (state === "live") this.connection.value = isEnded() ? "ended" : "live";
        else if (state === "waiting") this.connection.value = "reconnecting";
        else if (state === "over") this.#rest();
        if (state === "over" || state === "closed") this.#close = null;
      },
      onError: (error) => (this.error.value = error),
    });
  }

  /** The run has ended; one that is retried later continues behind the same number. */
  #rest() {
    this.connection.value = "ended";
    this.#later("over", ENDED_MS, () => document.hidden || this.#close !== null || this.#follow());
  }

  /** @param {RunEvent[]} events */
  #take(events) {
    if (this.run === null) return;
    for (const event of events) {
      const change = apply(this.run, event);
      if (change.node !== null) this.#changed.add(change.node);
      if (change.isExecution) this.head.value++;
      if (change.staleNode !== null) this.#readNode(change.staleNode);
      if (change.isStale) this.#later("", 200, () => this.refresh());
      this.#unheard.push(event);
      if (this.#isReading) this.#meanwhile.push(event);
    }
    this.version.value++;
  }

  #tell() {
    const events = this.#unheard;
    if (events.length === 0) return;
    this.#unheard = [];
    for (const listener of this.#listeners) listener(events);
  }

  /** @param {string} id */
  #readNode(id) {
    this.#later(id, READ_AGAIN_MS, async () => {
      const fresh = await api.get(`${this.path}/nodes/${encodeURIComponent(id)}`).catch(() => null);
      if (fresh === null || this.run === null || this.#isOver) return;
      const { output: _, ...lean } = fresh;
      replaceNode(this.run, lean);
      this.#changed.add(id);
      this.version.value++;
    });
  }

  /** @param {string} name @param {number} ms @param {() => unknown} run */
  #later(name, ms, run) {
    if (this.#timers.has(name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      if (!this.#isOver) run();
    }, ms);
    this.#timers.set(name, timer);
  }

  #hide() {
    this.#hiddenAt = Date.now();
    this.#close?.();
    this.connection.value = "hidden";
  }

  #show() {
    if (this.run === null || Date.now() - this.#hiddenAt > AWAY_MS) void this.refresh();
    else if (this.#close === null) this.#follow();
  }
}
