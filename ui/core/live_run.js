/**
 * One execution, live: its view, then the events after it, over one stream.
 *
 * Events are applied as they come, and shown once per frame. A hidden tab closes its stream, since a browser
 * has six connections to a server, and reads the view again when it is shown.
 */
import { ApiError, api } from "./api.js";
import { apply, replaceNode, runOf } from "./reducer.js";
import { follow } from "./stream.js";
import { isOver } from "./statuses.js";
import { onDispose, signal } from "./view.js";

/** @typedef {import("./reducer.js").Run} Run */
/** @typedef {import("./reducer.js").RunEvent} RunEvent */
/** @typedef {"loading" | "live" | "reconnecting" | "ended" | "hidden"} Connection */

/** A view is read again at most this often, and so is a mapped node whose items move. */
const READ_AGAIN_MS = 1_000;
/** A run that has ended is asked this often whether it goes on. */
const ENDED_MS = 10_000;
/** Events kept for those who look at the newest. */
const NEWEST = 1_000;

export class LiveRun {
  /** Raised with each change that is shown. Follow it, then read `run`. */
  version = signal(0);
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
  #close = () => {};
  /** @type {Map<string, number>} timers of what is read again, by node id; "" is the whole view */
  #timers = new Map();
  #isOver = false;

  /** @param {string} id  of the execution */
  constructor(id) {
    this.id = id;
    this.path = `/v1/executions/${encodeURIComponent(id)}`;
    const whenShown = () => (document.hidden ? this.#hide() : this.refresh());
    document.addEventListener("visibilitychange", whenShown);
    onDispose(() => {
      document.removeEventListener("visibilitychange", whenShown);
      this.#isOver = true;
      this.#hide();
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

  /** Hear of events as they come. Gives what ends that. @param {(events: RunEvent[]) => void} listener */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Read the view, and follow the events behind it. */
  async refresh() {
    try {
      const view = await api.get(this.path, { view: "lean" });
      if (this.#isOver) return;
      const texts = new Map([...(this.run?.nodes.values() ?? [])].map((node) => [node.node_id, node.text]));
      this.run = runOf(view);
      for (const node of this.run.nodes.values()) node.text = texts.get(node.node_id);
      for (const id of this.run.nodes.keys()) this.#changed.add(id);
      this.error.value = null;
      this.shape.value++;
      this.version.value++;
      if (!document.hidden) this.#follow();
    } catch (error) {
      if (this.#isOver) return;
      if (!(error instanceof ApiError)) throw error;
      // What is shown stays while the server is away; it is asked again.
      if (this.run === null) this.error.value = error;
      if (error.status === 0 || error.status >= 500) this.#later("", 3_000, () => this.refresh());
    }
  }

  #follow() {
    this.#close();
    const isEnded = () => this.run !== null && isOver(this.run.execution.status);
    this.#close = follow(() => `${this.path}/events?after=${this.run?.seq ?? 0}`, {
      onEvents: (events) => this.#take(events.map((event) => event.data)),
      onState: (state) => {
        if (state === "live") this.connection.value = isEnded() ? "ended" : "live";
        else if (state === "waiting") this.connection.value = "reconnecting";
        else if (state === "over") this.#rest();
      },
      onError: (error) => (this.error.value = error),
    });
  }

  /** The run has ended; one that is retried later, by whomever, goes on behind the same number. */
  #rest() {
    this.connection.value = "ended";
    this.#later("over", ENDED_MS, () => this.#follow());
  }

  /** @param {RunEvent[]} events */
  #take(events) {
    if (this.run === null) return;
    for (const event of events) {
      const change = apply(this.run, event);
      if (change.node !== null) this.#changed.add(change.node);
      if (change.staleNode !== null) this.#readNode(change.staleNode);
      if (change.isStale) this.#later("", 200, () => this.refresh());
    }
    for (const listener of this.#listeners) listener(events.slice(-NEWEST));
    this.version.value++;
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
    this.#close();
    this.#close = () => {};
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.connection.value = "hidden";
  }
}

