// The page of workflow servers. Whatever comes from the server is shown through textContent.
import { call, follow } from "./page-calls.js";
import { draw } from "./page-graph.js";

const MOST_RUNS = 200;
const MOST_EVENTS = 1000;
const find = (id) => document.getElementById(id);
const named = (name) => `workflows/${encodeURIComponent(name)}`;
let shown = null; // the run that is shown: its id, and what ends its stream
const busy = new Set(); // what a form or a button has begun

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(id, text) {
  find(id).textContent = text;
  find(id).hidden = !text;
}

// Runs what a click or a key began; a failure is shown in its place, and goes with the next attempt.
async function attempt(work, place = "failure") {
  say(place, "");
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    say(place, error.message);
    find(place).scrollIntoView({ block: "nearest" });
  }
}

// Workflows

async function showWorkflows() {
  const { workflows } = await call("workflows");
  const before = find("workflow").value;
  find("workflow").replaceChildren(...workflows.map((name) => element("option", name)));
  if (workflows.includes(before)) find("workflow").value = before;
  find("none").hidden = workflows.length > 0;
  find("about").hidden = find("start-button").disabled = !workflows.length;
  if (workflows.length) await showWorkflow();
  else find("fields").replaceChildren();
}

async function showWorkflow() {
  const name = find("workflow").value;
  const [schema, { graph }] = await Promise.all([call(`${named(name)}/schema`), call(`${named(name)}/representation`)]);
  if (find("workflow").value !== name) return;
  find("fields").replaceChildren(...fieldsOf(schema.start, "Start event"));
  find("description").textContent = JSON.stringify(graph, null, 2);
  const reason = draw(find("graph"), graph);
  say("too-large", reason);
  find("canvas").hidden = Boolean(reason);
}

// Fields of events

// A field for each property of a schema; where it names none, one for the whole event as JSON.
function fieldsOf(schema, what) {
  const required = schema.required || [];
  const fields = Object.entries(schema.properties || {}).map(([name, property]) => {
    const types = typesOf(property);
    const label = element("label", `${property.title || name}${required.includes(name) ? " *" : ""} `);
    const isLarge = types.includes("object") || types.includes("array");
    const input = element(isLarge ? "textarea" : "input", undefined, { "data-name": name, spellcheck: "false" });
    input.dataset.kind = types.every((type) => type === "string" || type === "null") && types.length ? "text" : "json";
    const example = property.default === undefined ? "" : `default: ${JSON.stringify(property.default)}`;
    input.placeholder = example || types.join(" or ") || "JSON";
    if (property.description) input.title = property.description;
    label.append(input);
    return label;
  });
  if (fields.length) return fields;
  const label = element("label", `${what} (JSON) `);
  label.append(element("textarea", "{}", { "data-name": "", rows: "3", spellcheck: "false" }));
  return [label];
}

function typesOf(property) {
  if (property.type) return [property.type].flat();
  const options = property.anyOf || property.oneOf || [];
  const types = options.flatMap((each) => (each.type ? [each.type].flat() : ["JSON"]));
  if (!types.length && property.enum?.every((each) => typeof each === "string")) return ["string"];
  return [...new Set(types)];
}

function eventIn(place) {
  const event = {};
  for (const input of find(place).querySelectorAll("[data-name]")) {
    const { name, kind } = input.dataset;
    const text = input.value.trim();
    if (!text) continue;
    if (name) event[name] = kind === "text" ? input.value : parsed(text, name);
    else Object.assign(event, parsed(text, "The event"));
  }
  return event;
}

function parsed(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${error.message}`);
  }
}

async function start() {
  const body = { start_event: eventIn("fields") };
  const handlerId = find("handler-id").value.trim();
  if (handlerId) body.handler_id = handlerId;
  const run = await call(`${named(find("workflow").value)}/run-nowait`, body);
  await choose(run.handler_id);
  await showRuns();
}

// Runs

async function showRuns() {
  const { handlers } = await call("handlers");
  const rows = handlers.slice(0, MOST_RUNS).map((run) => {
    const row = element("tr", undefined, { "data-handler": run.handler_id });
    const opener = element("a", run.handler_id, { href: hashOf(run.handler_id) });
    // The address does not change where this run is shown already, and so opens nothing by itself.
    opener.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      attempt(() => choose(run.handler_id));
    });
    const first = element("td");
    first.append(opener);
    row.append(first, element("td", run.workflow_name), element("td", run.status), element("td", momentOf(run)));
    return row;
  });
  find("runs").replaceChildren(...rows);
  markShown();
}

function momentOf(run) {
  return run.started_at ? new Date(run.started_at).toLocaleString() : "";
}

function markShown() {
  for (const row of find("runs").children) {
    if (shown && row.dataset.handler === shown.handlerId) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

// The run that is shown stands in the address, so that it can be kept and passed on.
const hashOf = (handlerId) => `#${encodeURIComponent(handlerId)}`;

async function choose(handlerId) {
  if (location.hash !== hashOf(handlerId)) history.pushState(null, "", hashOf(handlerId));
  await openRun(handlerId);
}

async function openAddressed() {
  const handlerId = decodeURIComponent(location.hash.slice(1));
  if (handlerId) await openRun(handlerId);
  else closeRun();
}

function closeRun() {
  shown?.leaving.abort();
  shown = null;
  find("run").hidden = true;
  markShown();
}

async function openRun(handlerId) {
  shown?.leaving.abort();
  const mine = { handlerId, leaving: new AbortController() };
  shown = mine;
  try {
    const run = await call(`results/${encodeURIComponent(handlerId)}`);
    if (shown !== mine) return;
    await offerEvents(run.workflow_name);
    if (shown !== mine) return;
    showStatus(run);
  } catch (error) {
    if (shown === mine) closeRun();
    throw error.status === 404 ? new Error(`Run ${handlerId}: ${error.message}`) : error;
  }
  find("run-title").textContent = `Run ${handlerId}`;
  find("events").replaceChildren();
  for (const place of ["connection", "send-failure"]) say(place, "");
  find("sent").textContent = "";
  find("run").hidden = false;
  markShown();
  find("run-title").focus({ preventScroll: true });
  find("run-title").scrollIntoView({ block: "nearest" });
  // Not awaited: it lasts as long as the run.
  attempt(() => watch(mine));
}

async function watch(mine) {
  const { handlerId, leaving } = mine;
  await follow(handlerId, {
    signal: leaving.signal,
    seen: showEvent,
    opened: async () => {
      await refresh(mine);
      say("connection", "");
    },
    lost: (error) => say("connection", `The connection is lost (${error.message}); it is being made again.`),
    hasEnded: async () => (await refresh(mine)).status !== "running",
  });
  say("connection", "");
  await showRuns();
}

async function refresh(mine) {
  const run = await call(`results/${encodeURIComponent(mine.handlerId)}`);
  mine.leaving.signal.throwIfAborted();
  showStatus(run);
  return run;
}

function showStatus(run) {
  const what = run.status === "completed" ? `: ${JSON.stringify(run.result)}` : run.error ? `: ${run.error}` : "";
  find("run-status").textContent = `${run.workflow_name} ${run.status}${what}`;
  find("cancel").disabled = find("send-button").disabled = run.status !== "running";
}

function showEvent(event) {
  const list = find("events");
  const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 20;
  list.append(element("li", `${event.type} ${JSON.stringify(event.value)}`));
  if (list.childElementCount > MOST_EVENTS) list.firstElementChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

async function cancel() {
  const mine = shown;
  await call(`handlers/${encodeURIComponent(mine.handlerId)}/cancel`, {});
  await refresh(mine);
}

// Events for a run

// Offers the types of events, what the run waits for first; nothing where it takes none.
async function offerEvents(workflow) {
  const [schema, { graph }] = await Promise.all([
    call(`${named(workflow)}/schema`),
    call(`${named(workflow)}/representation`),
  ]).catch((error) => {
    if (error.status === 404) return [{}, { graph: null }];
    throw error;
  });
  const types = graph ? sendable(graph, [schema.start.title, schema.stop.title]) : [];
  const reason = graph ? "This workflow takes no event." : "The events of this workflow are not known: it has no interface, or is removed.";
  say("unsendable", types.length ? "" : reason);
  find("send").hidden = !types.length;
  find("event-type").replaceChildren(
    ...types.map((type) => {
      const option = element("option", type.event_type);
      option.schema = type.event_schema || {};
      return option;
    }),
  );
  showEventFields();
}

// Gives the events that a run may wait for: first those that people answer with, then those that the graph shows
// to come from outside, then those that are declared and that no step gives.
function sendable(graph, ends) {
  const external = new Set(graph.nodes.filter((node) => node.node_type === "external").map((node) => node.id));
  const isAwaited = new Set(graph.edges.filter((edge) => external.has(edge.source)).map((edge) => edge.target));
  const rank = (node) => {
    if (node.event_types.includes("HumanResponseEvent")) return 0;
    if (isAwaited.has(node.id)) return 1;
    return ends.includes(node.event_type) || node.produced_by.length ? 3 : 2;
  };
  const types = graph.nodes.filter((node) => node.node_type === "event" && rank(node) < 3);
  return types.sort((one, other) => rank(one) - rank(other));
}

function showEventFields() {
  const [option] = find("event-type").selectedOptions;
  find("event-fields").replaceChildren(...(option ? fieldsOf(option.schema, "Event") : []));
}

async function send() {
  const mine = shown;
  find("sent").textContent = "";
  const type = find("event-type").value;
  await call(`events/${encodeURIComponent(mine.handlerId)}`, { event: { type, value: eventIn("event-fields") } });
  if (shown !== mine) return;
  find("sent").textContent = `${type} was sent.`;
  showEventFields();
  await refresh(mine);
}

// What begins it all

async function showAll() {
  await showWorkflows();
  await showRuns();
  await openAddressed();
}

function on(id, kind, work, place) {
  find(id).addEventListener(kind, async (event) => {
    event.preventDefault();
    // A second click while the first is under way would start a second run.
    if (busy.has(id)) return;
    busy.add(id);
    await attempt(work, place);
    busy.delete(id);
  });
}

on("start", "submit", start);
on("send", "submit", send, "send-failure");
on("reload", "click", showRuns);
on("cancel", "click", cancel);
find("workflow").addEventListener("change", () => attempt(showWorkflow));
find("event-type").addEventListener("change", showEventFields);
find("key").addEventListener("change", () => attempt(showAll));
addEventListener("popstate", () => attempt(openAddressed));
attempt(showAll);
