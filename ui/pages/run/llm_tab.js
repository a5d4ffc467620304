/** A call of a language model: what was asked, the answer as it comes, and what it took. */
import { cost, number } from "../../core/format.js";
import { html, onDispose, show, signal, untracked } from "../../core/view.js";
import { copyButton } from "../../parts/copy.js";
import { jsonTree } from "../../parts/json_tree.js";
import { everyEvent } from "./history.js";
import { wholeButton } from "./output_tab.js";

/** @typedef {import("./unit.js").Unit} Unit */
/** @typedef {import("../../core/reducer.js").RunEvent} RunEvent */

/** @type {Array<[string, string]>} */
const TOKENS = [
  ["input", "prompt"],
  ["output", "answer"],
  ["cache_read", "read from the cache"],
  ["cache_write", "written to the cache"],
];

/** @param {Unit} unit */
export function llmTab(unit) {
  const config = () => unit.whole.value?.config ?? null;
  const output = () => unit.output.value() ?? null;
  const usage = () => unit.row.value?.usage ?? unit.whole.value?.usage ?? output()?.usage ?? null;
  const price = () => unit.row.value?.cost_usd ?? unit.whole.value?.cost_usd ?? output()?.cost_usd ?? null;
  const answer = () => output()?.answer ?? null;
  return html`<div class="stack">
    ${show(() => output()?.simulated === true, () => html`<p
        class="banner state-retrying">Simulated: no model is configured; the answer is a placeholder.</p>`)}
    <dl class="facts">
      ${() => fact("Model", output()?.model ?? config()?.model)}
      ${() => fact("Tokens", tokenWords(usage()))}
      ${() => (usage() === null ? null : fact("Cost", price() === null ? "unknown: no price is set for this model" : cost(price())))}
      ${() => fact("Stopped by", output()?.stop_reason)}
      ${() => (usage()?.calls > 1 ? fact("Calls", `${number(usage().calls)}, with failed and repeated ones`) : null)}
    </dl>
    ${wholeButton(unit)}
    ${show(
      () => answer() !== null,
      () => html`<section class="stack-tight"><div class="row spread"><h3>Answer</h3>${copyButton(() => String(answer()), "Copy the answer")}</div><pre
          class="llm-text text">${() => String(answer())}</pre></section>`,
      () => html`<section class="stack-tight"><h3>Answer so far</h3>${streamed(unit)}</section>`,
    )}
    ${show(() => output()?.parsed !== undefined, () => html`<section
        class="stack-tight"><h3>Parsed</h3>${jsonTree(() => output()?.parsed, { label: "the parsed answer", name: `${unit.id}-parsed` })}</section>`)}
    ${() => {
      const found = config();
      return found === null ? null : untracked(() => asking(found));
    }}
  </div>`;
}

/** @param {Record<string, any>} config */
function asking(config) {
  const messages = Array.isArray(config.messages) ? config.messages : config.prompt === undefined ? [] : [{ role: "user", content: config.prompt }];
  const all = config.system === undefined || config.system === null ? messages : [{ role: "system", content: config.system }, ...messages];
  /** @param {any} message */
  const one = ({ role, content }) => html`<section class="stack-tight"><div
      class="row spread"><h3>${role === "system" ? "System" : role === "user" ? "Prompt" : role}</h3>${copyButton(
          () => textOf(content),
          `Copy the ${role} message`,
        )}</div><pre
          class="llm-text text">${textOf(content)}</pre></section>`;
  const schema = () => jsonTree(() => config.schema, { label: "the schema", name: "schema" });
  return html`<div class="stack">${all.map(one)}${config.schema ? html`<details><summary>Schema of the answer</summary>${schema()}</details>` : null}</div>`;
}

/** What the node has streamed, from its beginning, with what comes: pieces are added to one text. @param {Unit} unit */
function streamed(unit) {
  const text = document.createTextNode("");
  const isEmpty = signal(true);
  let last = 0;
  /** Pieces that come before the beginning was read. @type {RunEvent[] | null} */
  let held = [];
  let isOver = false;
  onDispose(() => (isOver = true));
  /** @param {RunEvent[]} events */
  const add = (events) => {
    for (const { seq, type, data } of events) {
      if (seq <= last) continue;
      last = seq;
      if (type === "stream.reset") text.data = "";
      else if (type === "node.token") text.appendData(data.text);
    }
    isEmpty.value = text.length === 0;
  };
  unit.listen((events) => (held === null ? add(events) : held.push(...events)));
  void everyEvent(unit.live, { node: unit.id, type: ["node.token", "stream.reset"] })
    .then((items) => items.filter((event) => (event.item ?? null) === unit.index))
    .catch(() => [])
    .then((items) => {
      if (isOver) return;
      add(items);
      add(held ?? []);
      held = null;
    });
  const element = html`<pre class="llm-text text">${text}</pre>`;
  return html`<div>${element}${show(() => isEmpty.value, () => html`<p class="muted">No text yet.</p>`)}</div>`;
}

/** @param {string} title @param {any} value */
function fact(title, value) {
  return value === null || value === undefined || value === "" ? null : html`<dt>${title}</dt><dd class="text">${String(value)}</dd>`;
}

/** @param {any} usage */
function tokenWords(usage) {
  return TOKENS.filter(([name]) => usage?.[name] > 0)
    .map(([name, words]) => `${number(usage[name])} ${words}`)
    .join(", ");
}

/** @param {any} content */
function textOf(content) {
  const isText = Array.isArray(content) && content.every((block) => block?.type === "text" && typeof block.text === "string");
  if (isText) return content.map((/** @type {any} */ block) => block.text).join("\n");
  return typeof content === "string" ? content : JSON.stringify(content, null, 2);
}
