// The page of workflow servers. Whatever comes from the server is shown through textContent.
"use strict";

const find = (id) => document.getElementById(id);
let streaming = null; // what ends the stream of the run that is shown

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function headers() {
  const key = find("key").value.trim();
  return key ? { "X-API-Key": key } : {};
}

// Paths are relative: the page is served at the root and below a prefix.
async function call(path, body) {
  const options = { headers: headers() };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const found = await answer.json();
  // A run that failed is answered with 500 and its data.
  if (!answer.ok && found.handler_id === undefined) throw new Error(found.detail || `HTTP ${answer.status}`);
  return found;
}

// Runs what a click or a key began; a failure is shown, and goes with the next success.
async function attempt(work) {
  try {
    await work();
    find("failure").hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    find("failure").textContent = error.message;
    find("failure").hidden = false;
  }
}

const named = (name) => `workflows/${encodeURIComponent(name)}`;

async function showWorkflows() {
  const { workflows } = await call("workflows");
  find("workflow").replaceChildren(...workflows.map((name) => element("option", name)));
  if (workflows.length) await showWorkflow();
}

async function showWorkflow() {
  const name = find("workflow").value;
  const [schema, graph] = await Promise.all([call(`${named(name)}/schema`), call(`${named(name)}/representation`)]);
  find("fields").replaceChildren(...fieldsOf(schema.start));
  find("description").textContent = JSON.stringify(graph.graph, null, 2);
}

// A field for each property of the start's schema; where it names none, one for the whole event as JSON.
function fieldsOf(schema) {
  const required = schema.required || [];
  const fields = Object.entries(schema.properties || {}).map(([name, property]) => {
    const label = element("label", `${property.title || name}${required.includes(name) ? " *" : ""} `);
    const input = element("input", undefined, { "data-name": name, "data-type": property.type || "json" });
    if (property.default !== undefined) input.placeholder = JSON.stringify(property.default);
    if (property.description) input.title = property.description;
    label.append(input);
    return label;
  });
  if (fields.length) return fields;
  const label = element("label", "Start event (JSON) ");
  label.append(element("textarea", "{}", { "data-name": "", rows: "3", spellcheck: "false" }));
  return [label];
}

function startEvent() {
  const event = {};
  for (const input of find("fields").querySelectorAll("[data-name]")) {
    const text = input.value.trim();
    if (!text) continue;
    if (!input.dataset.name) Object.assign(event, parsed(text, "start event"));
    else event[input.dataset.name] = input.dataset.type === "string" ? input.value : parsed(text, input.dataset.name);
  }
  return event;
}

function parsed(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
}

async function start() {
  const body = { start_event: startEvent() };
  const handlerId = find("handler-id").value.trim();
  if (handlerId) body.handler_id = handlerId;
  const run = await call(`${named(find("workflow").value)}/run-nowait`, body);
  await showRuns();
  await showRun(run);
}

async function showRuns() {
  const { handlers } = await call("handlers");
  find("runs").replaceChildren(
    ...handlers.slice(0, 200).map((run) => {
      const row = element("tr");
      const opener = element("button", run.handler_id, { type: "button" });
      opener.addEventListener("click", () => attempt(() => showRun(run)));
      const first = element("td");
      first.append(opener);
      row.append(first, element("td", run.workflow_name), element("td", run.status), element("td", run.started_at));
      return row;
    }),
  );
}

async function showRun(run) {
  if (streaming) streaming.abort();
  streaming = new AbortController();
  find("run").hidden = false;
  find("run").dataset.handler = run.handler_id;
  find("run-title").textContent = `Run ${run.handler_id}`;
  find("events").replaceChildren();
  await showStatus(run.handler_id);
  const types = await call(`${named(run.workflow_name)}/events`).catch(() => ({ events: [] }));
  find("event-type").replaceChildren(...types.events.map((each) => element("option", each.title)));
  const { signal } = streaming;
  // Not awaited: it lasts as long as the run.
  attempt(() => follow(run.handler_id, signal));
}

async function showStatus(handlerId) {
  const run = await call(`results/${encodeURIComponent(handlerId)}`);
  const what = run.status === "completed" ? `: ${JSON.stringify(run.result)}` : run.error ? `: ${run.error}` : "";
  find("run-status").textContent = `${run.workflow_name} ${run.status}${what}`;
  find("cancel").disabled = run.status !== "running";
}

// Lines of JSON rather than EventSource, which could send no key.
async function follow(handlerId, signal) {
  const path = `events/${encodeURIComponent(handlerId)}?sse=false`;
  const answer = await fetch(path, { headers: headers(), signal });
  if (answer.status === 200) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) if (line) showEvent(JSON.parse(line));
    }
  }
  await showStatus(handlerId);
  await showRuns();
}

function showEvent(event) {
  find("events").append(element("li", `${event.type} ${JSON.stringify(event.value)}`));
}

async function send() {
  const value = parsed(find("event-value").value, "value");
  const handlerId = encodeURIComponent(find("run").dataset.handler);
  await call(`events/${handlerId}`, { event: { type: find("event-type").value, value } });
}

async function cancel() {
  const handlerId = find("run").dataset.handler;
  await call(`handlers/${encodeURIComponent(handlerId)}/cancel`, {});
  await showStatus(handlerId);
}

function on(id, kind, work) {
  find(id).addEventListener(kind, (event) => {
    event.preventDefault();
    attempt(work);
  });
}

on("workflow", "change", showWorkflow);
on("start", "submit", start);
on("send", "submit", send);
on("reload", "click", showRuns);
on("cancel", "click", cancel);
on("key", "change", async () => {
  await showWorkflows();
  await showRuns();
});
attempt(async () => {
  await showWorkflows();
  await showRuns();
});
