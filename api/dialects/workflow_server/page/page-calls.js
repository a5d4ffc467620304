// What the page asks of its server. Paths are relative: it is served at the root and below a prefix.

const FIRST_WAIT_MS = 500;
const MOST_WAIT_MS = 5000;
// An idle stream beats every 15 seconds: one that is silent for this long has no server any more.
const SILENT_MS = 40_000;

// An answer that is a failure.
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  // Whether the same request may succeed later.
  get isPassing() {
    return this.status >= 500 || this.status === 429;
  }
}

function headers() {
  const key = document.getElementById("key").value.trim();
  return key ? { "X-API-Key": key } : {};
}

export async function call(path, body) {
  const options = { headers: headers() };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refusal(503, "The server cannot be reached");
  }
  // What stands before the server may fail in another form.
  const found = await answer.json().catch(() => ({}));
  // A run that failed is answered with 500 and its data.
  if (!answer.ok && found.handler_id === undefined) throw refusal(answer, found);
  return found;
}

function refusal(answer, found) {
  return new Refusal(answer.status, found.detail || `The server answered with HTTP ${answer.status}`);
}

// Gives every event of a run to `seen`, over as many connections as that takes, until the run has ended or `signal`
// is aborted. opened() comes after each connect but the first, lost(error) when a connection is gone; hasEnded()
// says whether the run is over.
export async function follow(handlerId, { signal, seen, opened, lost, hasEnded }) {
  let after = -1;
  let waitMs = FIRST_WAIT_MS;
  for (let connects = 0; ; connects += 1) {
    try {
      const path = `events/${encodeURIComponent(handlerId)}?include_qualified_name=false&after_sequence=${after}`;
      for await (const frame of framesOf(path, signal, () => (connects ? opened() : undefined))) {
        after = frame.id;
        waitMs = FIRST_WAIT_MS;
        seen(JSON.parse(frame.data));
      }
      // A server that stops ends its streams too.
      if (await hasEnded()) return;
      lost(new Error("the stream was closed"));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SyntaxError || (error instanceof Refusal && !error.isPassing)) throw error;
      lost(error);
    }
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 2, MOST_WAIT_MS);
  }
}

// Server-sent events read with fetch: EventSource could send no key.
async function* framesOf(path, signal, opened) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new Error("nothing was heard of the server")), SILENT_MS);
  };
  try {
    heard();
    const options = { headers: headers(), signal: AbortSignal.any([signal, silence.signal]), cache: "no-store" };
    const answer = await fetch(path, options);
    if (!answer.ok) throw refusal(answer, await answer.json().catch(() => ({})));
    await opened();
    // 204: nothing follows.
    if (answer.status === 200) yield* framesIn(answer.body.pipeThrough(new TextDecoderStream()).getReader(), heard);
  } finally {
    clearTimeout(timer);
  }
}

async function* framesIn(reader, heard) {
  let rest = "";
  let frame = {};
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("id: ")) frame.id = Number(line.slice(4));
      else if (line.startsWith("data: ")) frame.data = line.slice(6);
      else if (!line && frame.data !== undefined) {
        yield frame;
        frame = {};
      }
    }
  }
}

function pause(waitMs, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(), waitMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
