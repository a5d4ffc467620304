// A run that is played to the page in the place of a server: its view, its history, and events without an end.

/** Events that the history has at first. */
const HISTORY = 10_000;
/** @type {[string, object][]} */
const STEPS = [
  ["node.queued", {}],
  ["node.started", { worker: "worker-1" }],
  ["node.completed", {}],
];

/**
 * Answer what the page fetches, until it is ended.
 * @param {any[]} nodes  as the lean view gives them
 * @param {{changes: number, batchMs: number}} how  changes of states in a second, which come in batches
 */
export function playRun(nodes, { changes, batchMs }) {
  let seq = 0;
  const next = () => {
    const [type, data] = STEPS[Math.floor(seq / nodes.length) % STEPS.length];
    const { node_id } = nodes[seq % nodes.length];
    return { seq: ++seq, type, execution_id: "played", node_id, attempt: 1, ts: new Date().toISOString(), data };
  };
  const items = Array.from({ length: HISTORY }, next);
  const view = { execution_id: "played", status: "RUNNING", seq, counts: {}, root_causes: [], nodes };
  let timer = 0;
  const events = () => {
    const encoder = new TextEncoder();
    const write = (/** @type {ReadableStreamDefaultController} */ stream) => {
      const lines = Array.from({ length: Math.round((changes * batchMs) / 1000) }, next);
      stream.enqueue(encoder.encode(lines.map((line) => `id: ${line.seq}\nevent: ${line.type}\ndata: ${JSON.stringify(line)}\n\n`).join("")));
    };
    return new ReadableStream({ start: (stream) => void (timer = setInterval(() => write(stream), batchMs)), cancel: () => clearInterval(timer) });
  };
  const real = window.fetch;
  window.fetch = async (address) => {
    const path = String(address);
    if (path.includes("/events?")) return new Response(events());
    const body = path.includes("/history") ? { items, last_seq: seq, next_before: null, next_after: null } : view;
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  };
  return {
    end: () => {
      clearInterval(timer);
      window.fetch = real;
    },
  };
}
