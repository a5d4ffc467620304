/**
 * Server-sent events over `fetch`, which can be closed, says when it ends, and needs no key in its address.
 *
 * A stream that breaks is opened again after 1, 2, 4 … 15 seconds, behind the last event that came. One that
 * ends in order is asked for again at once: 204 then says that there is nothing more.
 */
import { ApiError, send } from "./api.js";
import { fromJson } from "./json.js";

/** @typedef {{type: string, id: string | null, data: any}} StreamEvent */
/** @typedef {"connecting" | "live" | "waiting" | "over" | "closed"} StreamState */

const FIRST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 15_000;
/** The server says something at least every 15 seconds. */
const SILENCE_MS = 45_000;

/**
 * Follow a stream until it is over or closed.
 *
 * @param {() => string} pathOf  asked before each connection: it knows what was seen last
 * @param {{onEvents: (events: StreamEvent[]) => void, onState?: (state: StreamState) => void, onError?: (error: ApiError) => void}} listener
 *   onEvents gets all that came in one piece; onError a refusal that no further try would change
 * @returns {() => void} closes it
 */
export function follow(pathOf, { onEvents, onState = () => {}, onError = () => {} }) {
  const stop = new AbortController();
  /** Connections in a row that brought nothing. */
  let failures = 0;
  void run();
  return () => {
    stop.abort();
    onState("closed");
  };

  async function run() {
    while (!stop.signal.aborted) {
      onState(failures === 0 ? "connecting" : "waiting");
      if (failures > 0) await pause(failures);
      if (stop.signal.aborted) return;
      try {
        const answer = await send("GET", pathOf(), undefined, { headers: { Accept: "text/event-stream" }, signal: stop.signal });
        if (answer.status === 204 || answer.body === null) return onState("over");
        onState("live");
        const isLively = await read(answer.body);
        failures = isLively ? 0 : failures + 1;
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) {
          onState("closed");
          return onError(error);
        }
        failures += 1;
      }
    }
  }

  /** Read to an orderly end. Says whether it was a good connection. @param {ReadableStream<Uint8Array>} body */
  async function read(body) {
    const reader = body.getReader();
    const parser = new EventParser();
    const decoder = new TextDecoder();
    const beganAt = performance.now();
    let hasEvents = false;
    for (;;) {
      const { done, value } = await within(SILENCE_MS, reader);
      // One that was open for a while was good, also where there was nothing to say.
      if (done) return hasEvents || performance.now() - beganAt >= FIRST_PAUSE_MS;
      const events = parser.feed(decoder.decode(value, { stream: true }));
      if (stop.signal.aborted) return hasEvents;
      if (events.length > 0) {
        hasEvents = true;
        // However the connection ends: it was a good one, and the next is opened soon.
        failures = 0;
        onEvents(events);
      }
    }
  }

  /** @param {number} failures */
  function pause(failures) {
    const most = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, most * (0.5 + Math.random() / 2));
      stop.signal.addEventListener("abort", () => (clearTimeout(timer), resolve(null)), { once: true });
    });
  }
}

/** @param {number} ms @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function within(ms, reader) {
  let timer = 0;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the stream has fallen silent")), ms);
  });
  try {
    return /** @type {ReadableStreamReadResult<Uint8Array>} */ (await Promise.race([reader.read(), silence]));
  } catch (error) {
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Takes text as it comes, and gives the events that are whole. Pure. */
class EventParser {
  #rest = "";

  /** @param {string} text @returns {StreamEvent[]} */
  feed(text) {
    const frames = (this.#rest + text).split("\n\n");
    this.#rest = /** @type {string} */ (frames.pop());
    return frames.map(parseFrame).filter((event) => event !== null);
  }
}

/** @param {string} frame @returns {StreamEvent | null} null for a comment, and for what has no data */
function parseFrame(frame) {
  let type = "message";
  /** @type {string | null} */
  let id = null;
  /** @type {string[]} */
  const data = [];
  for (const line of frame.split("\n")) {
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(line[at + 1] === " " ? at + 2 : at + 1);
    if (field === "event") type = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? null : { type, id, data: fromJson(data.join("\n")) };
}
