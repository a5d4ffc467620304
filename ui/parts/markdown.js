/** A little Markdown as nodes: no pictures, links to http, https and mailto only; markup stays the text that it is. */
import { html } from "../core/view.js";

const INLINE = /`([^`\n]+)`|\*\*(\S(?:[^\n]{0,999}?\S)?)\*\*|(?<![\w*])[*_](\S(?:[^*_\n]{0,2000}?\S)?)[*_](?![\w*])|\[([^\][\n]{1,500})\]\(([^()\s]{1,2000})\)/;
const SAFE = /^(?:https?:\/\/|mailto:)/i;
const BULLET = /^\s{0,3}[-*+]\s+/;
/** What ends a paragraph. */
const OTHER = /^\s{0,3}(?:#{1,6}\s|```|>)/;
const NUMBER = /^\s{0,3}\d{1,9}[.)]\s+/;

/** @param {string} text @returns {Node} */
export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    const heading = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    if (line.trim() === "") at += 1;
    else if (/^\s{0,3}```/.test(line)) {
      const end = lines.findIndex((each, place) => place > at && /^\s{0,3}```\s*$/.test(each));
      blocks.push(html`<pre class="text">${lines.slice(at + 1, end < 0 ? undefined : end).join("\n")}</pre>`);
      at = end < 0 ? lines.length : end + 1;
    } else if (heading) {
      // The page has its own headings above these.
      blocks.push(heading[1].length === 1 ? html`<h3 class="text">${inline(heading[2])}</h3>` : html`<h4 class="text">${inline(heading[2])}</h4>`);
      at += 1;
    } else if (BULLET.test(line) || NUMBER.test(line)) {
      const mark = BULLET.test(line) ? BULLET : NUMBER;
      const items = linesWhile(lines, at, (each) => mark.test(each) || (/^\s{2,}\S/.test(each) && !BULLET.test(each) && !NUMBER.test(each)));
      const rows = joined(items, mark).map((each) => html`<li class="text">${inline(each)}</li>`);
      blocks.push(mark === BULLET ? html`<ul>${rows}</ul>` : html`<ol>${rows}</ol>`);
      at += items.length;
    } else if (/^\s{0,3}>/.test(line)) {
      const quoted = linesWhile(lines, at, (each) => /^\s{0,3}>/.test(each));
      blocks.push(html`<blockquote class="text">${inline(quoted.map((each) => each.replace(/^\s{0,3}>\s?/, "")).join("\n"))}</blockquote>`);
      at += quoted.length;
    } else {
      const words = linesWhile(lines, at, (each, isFirst) => isFirst || !(each.trim() === "" || OTHER.test(each) || BULLET.test(each) || NUMBER.test(each)));
      blocks.push(html`<p class="text">${inline(words.join("\n"))}</p>`);
      at += words.length;
    }
  }
  return html`<div class="prose">${blocks}</div>`;
}

/** @param {string[]} lines @param {number} from @param {(line: string, isFirst: boolean) => boolean} fits */
function linesWhile(lines, from, fits) {
  let end = from;
  while (end < lines.length && fits(lines[end], end === from)) end += 1;
  return lines.slice(from, end);
}

/** Lines that go on an item belong to it. @param {string[]} lines @param {RegExp} mark */
function joined(lines, mark) {
  /** @type {string[]} */
  const items = [];
  for (const line of lines) {
    if (mark.test(line)) items.push(line.replace(mark, ""));
    else items[items.length - 1] += `\n${line.trim()}`;
  }
  return items;
}

/** @param {string} text @returns {any[]} */
function inline(text) {
  const nodes = [];
  for (let rest = text; rest !== ""; ) {
    const found = INLINE.exec(rest);
    if (found === null) return [...nodes, rest];
    const [whole, code, strong, emphasis, words, target] = found;
    nodes.push(rest.slice(0, found.index));
    if (code !== undefined) nodes.push(html`<code>${code}</code>`);
    else if (strong !== undefined) nodes.push(html`<strong>${inline(strong)}</strong>`);
    else if (emphasis !== undefined) nodes.push(html`<em>${inline(emphasis)}</em>`);
    else nodes.push(SAFE.test(target) ? html`<a href=${target} target="_blank" rel="noopener noreferrer">${inline(words)}</a>` : whole);
    rest = rest.slice(found.index + whole.length);
  }
  return nodes;
}
