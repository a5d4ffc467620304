/** A call over HTTP: the request as a command to repeat it, and what was answered. */
import { shellWord } from "../../core/format.js";
import { duration } from "../../core/time.js";
import { html, show, untracked } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { jsonTree, outputReference } from "../../parts/json_tree.js";
import { definitionOf, nodeIn } from "./definition.js";
import { wholeButton } from "./output_tab.js";

/** @typedef {import("./unit.js").Unit} Unit */

export const HTTP_HANDLERS = new Set(["http", "call_external_service"]);
const MOST_TEXT = 20_000;

/** The command that makes the request of a config. Pure. @param {Record<string, any>} config */
export function curlOf({ url = "", method = "GET", headers = {}, query = {}, body = null, timeout = null, follow_redirects: follows = true }) {
  const search = Object.entries(query ?? {}).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : value === null ? [] : [value];
    return values.map((each) => `${encodeURIComponent(name)}=${encodeURIComponent(textOf(each))}`);
  });
  const [address, hash] = String(url).split("#", 2);
  const target = search.length === 0 ? address : `${address}${address.includes("?") ? "&" : "?"}${search.join("&")}`;
  const verb = String(method).toUpperCase();
  const hasBody = body !== null && body !== undefined;
  const isTyped = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === "content-type");
  const seconds = typeof timeout === "number" ? timeout : /^\d+(\.\d+)?s$/.test(timeout ?? "") ? parseFloat(timeout) : null;
  const parts = [
    ...(verb === "GET" && !hasBody ? [] : verb === "HEAD" ? ["--head"] : [`-X ${shellWord(verb)}`]),
    ...(follows ? ["-L"] : []),
    ...(seconds === null ? [] : [`--max-time ${seconds}`]),
    ...Object.entries(headers ?? {}).map(([name, value]) => `-H ${shellWord(`${name}: ${textOf(value)}`)}`),
    ...(hasBody && typeof body !== "string" && !isTyped ? [`-H ${shellWord("Content-Type: application/json")}`] : []),
    ...(hasBody ? [`--data-raw ${shellWord(textOf(body))}`] : []),
    shellWord(hash === undefined ? target : `${target}#${hash}`),
  ];
  return `curl ${parts.join(" \\\n  ")}`;
}

/** @param {Unit} unit */
export function httpTab(unit) {
  const definition = definitionOf(unit.live);
  // Of an item only what was written is known; the item itself stands in its place.
  const config = () => unit.whole.value?.config ?? nodeIn(definition.answer.value, unit.base)?.config ?? null;
  const output = () => unit.output.value() ?? null;
  return html`<div class="stack">
    ${() => {
      const found = config();
      return found === null ? null : untracked(() => request(found, unit));
    }}
    ${wholeButton(unit)}
    ${() => {
      const found = output() ?? failedAnswer(unit);
      return found === null ? null : untracked(() => response(found, unit));
    }}
    ${show(() => output() === null && unit.output.missing() === null && failedAnswer(unit) === null, () => html`<p class="muted">No answer yet.</p>`)}
  </div>`;
}

/** @param {Record<string, any>} config @param {Unit} unit */
function request(config, unit) {
  const text = curlOf(config);
  const hints = [
    ...(text.includes("***") ? ["*** stands for a secret."] : []),
    ...(text.includes("{{") ? ["What stands in braces is filled in for each item, or not known yet."] : []),
    ...(unit.node()?.handler === "call_external_service" ? ["A host that is a service's name is replaced by the worker."] : []),
  ];
  return html`<section class="stack-tight"><div class="row spread"><h3>Request</h3>${copyButton(() => text, "Copy as curl")}</div><pre
      class="code text">${text}</pre>${hints.length > 0 ? html`<p class="muted">${hints.join(" ")}</p>` : null}</section>`;
}

/** What an answer that failed the node was, from its error. @param {Unit} unit @returns {Record<string, any> | null} */
function failedAnswer(unit) {
  const details = unit.node()?.error?.details;
  return typeof details?.status === "number" ? { status_code: details.status, body: details.body, url: details.url } : null;
}

/** @param {Record<string, any>} output @param {Unit} unit */
function response(output, unit) {
  const body = output.body ?? output.data;
  const status = output.status_code;
  const reference = `${outputReference(unit.base, unit.index)}.${output.data === undefined ? "body" : "data"}`;
  const headers = Object.entries(output.headers ?? {});
  return html`<section class="stack-tight"><h3>Response</h3>
    <p class="row"><span class=${`chip state-${status >= 400 || status === 0 ? "failed" : "completed"}`}><span
        class="strong number">${status ?? "?"}</span></span>${output.duration_ms === undefined ? null : html`<span
            class="number">${duration(output.duration_ms)}</span>`}${output.simulated ? html`<span class="tag">simulated</span>` : null}</p>
    ${headers.length > 0 ? html`<details><summary>${headers.length} headers</summary><dl
        class="facts mono">${headers.map(([name, value]) => html`<dt>${name}</dt><dd class="text">${textOf(value)}</dd>`)}</dl></details>` : null}
    ${body === undefined || body === null ? html`<p class="muted">No body.</p>` : typeof body === "string" ? html`<pre
        class="code text">${body.slice(0, MOST_TEXT)}${body.length > MOST_TEXT ? "…" : ""}</pre>`
      : jsonTree(() => body, { label: "the body", name: `${unit.id}-body`, reference })}
  </section>`;
}

/** @param {any} value */
function textOf(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
