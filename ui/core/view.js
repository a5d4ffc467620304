/**
 * What this page needs of a framework: signals, templates to DOM, keyed lists.
 *
 *     const count = signal(0);
 *     html`<button onclick=${() => count.value++}>${() => count.value} times</button>`
 *
 * A signal is a value that can be followed. An effect runs a function, remembers which signals it read, and runs
 * again after one of them changed: once per animation frame, however many changes there were. Effects made while
 * another one runs belong to it, and end when it runs again or ends. A component is a function that runs once and
 * returns nodes; a hole that is a function is an effect of its own, so that a change touches its own piece of the
 * page alone. Values become text: `parse` makes markup, and only of the constant parts of templates in our files.
 */

/** @template T @typedef {{value: T, peek: () => T}} Signal */
/** @template T @typedef {{readonly value: T, peek: () => T}} Computed */
/** @typedef {{run: () => void, sources: Set<Set<Reaction>>, owned: Array<() => void>}} Reaction */
/** @typedef {{path: number[], name: string | null, parts: string[], first: number}} Hole */
/** @typedef {{content: DocumentFragment, holes: Hole[]}} Template */

/** The effect that follows what is read now. */
let reader = /** @type {Reaction | null} */ (null);
/** What ends together with what is built now. */
let owner = /** @type {Array<() => void> | null} */ (null);
const due = /** @type {Set<Reaction>} */ (new Set());
/** Effects may change signals again; a page that is not at rest after so many rounds never will be. */
const MOST_ROUNDS = 100;

/** Make a value that can be followed. @template T @param {T} value @returns {Signal<T>} */
export function signal(value) {
  const readers = /** @type {Set<Reaction>} */ (new Set());
  return {
    get value() {
      if (reader !== null) reader.sources.add(readers.add(reader));
      return value;
    },
    set value(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const each of readers) schedule(each);
    },
    peek: () => value,
  };
}

/** Make a value that follows from others. @template T @param {() => T} compute @returns {Computed<T>} */
export function computed(compute) {
  const kept = /** @type {Signal<any>} */ (signal(undefined));
  const reaction = react(() => (kept.value = compute()));
  // Asked for before its frame has come, it is brought up to date first.
  const current = () => (due.delete(reaction) && reaction.run(), kept);
  return {
    get value() {
      return current().value;
    },
    peek: () => current().peek(),
  };
}

/** Run now, and again after each change of what was read. Gives what ends it. @param {() => any} run */
export const effect = (run) => end.bind(null, react(run));

/** Do something when what is being built now leaves the page. @param {() => void} clean */
export const onDispose = (clean) => void owner?.push(clean);

/** Read without following. @template T @param {() => T} read @returns {T} */
export const untracked = (read) => within(null, owner, read);

/** Bring the page up to date now instead of with the next frame. */
export function flush() {
  for (let round = 0; due.size > 0; round++) {
    if (round === MOST_ROUNDS) return due.clear(), reportError(new Error("effects keep changing what they follow"));
    for (const reaction of [...due]) {
      try {
        if (due.delete(reaction)) reaction.run();
      } catch (error) {
        reportError(error); // one broken piece of the page does not hold up the others
      }
    }
  }
}

/** Build what ends by the function given back. @template T @param {() => T} build @returns {[T, () => void]} */
export function scope(build) {
  const owned = /** @type {Array<() => void>} */ ([]);
  return [within(null, owned, build), () => cleanUp(owned)];
}

/** @template T @param {Reaction | null} follower @param {Array<() => void> | null} owned @param {() => T} run */
function within(follower, owned, run) {
  const [outerReader, outerOwner] = [reader, owner];
  [reader, owner] = [follower, owned];
  try {
    return run();
  } finally {
    [reader, owner] = [outerReader, outerOwner];
  }
}

/** @param {() => any} run @returns {Reaction} */
function react(run) {
  /** @type {Reaction} */
  const reaction = { sources: new Set(), owned: [], run: () => (forget(reaction), within(reaction, reaction.owned, run)) };
  onDispose(() => end(reaction));
  reaction.run();
  return reaction;
}

/** @param {Reaction} reaction */
function schedule(reaction) {
  // A hidden page has no frames.
  if (due.size === 0) document.hidden ? setTimeout(flush, 50) : requestAnimationFrame(flush);
  due.add(reaction);
}

/** @param {Reaction} reaction */
function forget(reaction) {
  reaction.sources.forEach((readers) => readers.delete(reaction));
  reaction.sources.clear();
  cleanUp(reaction.owned);
}

/** @param {Reaction} reaction */
const end = (reaction) => (due.delete(reaction), forget(reaction));
/** @param {Array<() => void>} owned */
const cleanUp = (owned) => owned.splice(0).reverse().forEach((clean) => clean());

/** @param {any} value */
const isNothing = (value) => value === null || value === undefined || value === false;
const IN_TAG = /<[^>]*$/;
/** Attributes that lead somewhere, and what they may hold: no `javascript:`, no `data:`. */
const LINKS = new Set(["href", "src", "action", "formaction"]);
const SAFE_LINK = /^(?:https?:|mailto:|[^:]*$|[^:]*[/?#])/i;
/** The browser takes markup from this policy alone, see the Content-Security-Policy of the page. @type {any} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("headrace-templates", { createHTML: String });
const templates = /** @type {WeakMap<TemplateStringsArray, Template>} */ (new WeakMap());

/**
 * Make the nodes of a template: one element, or a fragment where it has several.
 * Between tags a hole takes text, a number, nodes, an array of these, nothing (null, false), or a function that
 * gives one. As an attribute null and false remove it; `onclick=` listens; `.value=` sets a property;
 * `style=` takes an object; `ref=` is called with the element.
 * @param {TemplateStringsArray} strings @param {...any} values @returns {any}
 */
export const html = (strings, ...values) => build(strings, values, false);

/** The same for what stands inside an `<svg>`. @param {TemplateStringsArray} strings @param {...any} values @returns {any} */
export const svg = (strings, ...values) => build(strings, values, true);

/**
 * Show one thing while a condition holds, another while it does not; each stays as long as the truth of it does.
 * @param {() => any} condition @param {() => any} then @param {() => any} [otherwise]
 */
export function show(condition, then, otherwise = () => null) {
  const isTrue = computed(() => Boolean(condition()));
  return () => (isTrue.value ? untracked(then) : untracked(otherwise));
}

/**
 * Show a list. What is built for an item is one element, which stays while the key of the item does and reads the
 * item as a signal. Of two items with one key the first is shown. @template T @param {() => Iterable<T>} list
 * @param {(item: T, index: number) => string | number} keyOf @param {(item: Signal<T>, key: string | number) => any} build
 */
export function each(list, keyOf, build) {
  const last = document.createComment("");
  const holder = document.createDocumentFragment();
  holder.append(last);
  /** @type {Map<string | number, {item: Signal<T>, node: ChildNode, dispose: () => void}>} */
  let rows = new Map();
  onDispose(() => rows.forEach((row) => row.dispose()));
  const made = (/** @type {T} */ first, /** @type {string | number} */ key) => {
    const item = signal(first);
    const [node, dispose] = scope(() => build(item, key));
    return { item, node, dispose };
  };
  effect(() => {
    const items = [...list()];
    /** @type {typeof rows} */
    const next = new Map();
    items.forEach((item, index) => {
      const key = keyOf(item, index);
      if (next.has(key)) return;
      const row = rows.get(key) ?? made(item, key);
      row.item.value = item;
      next.set(key, row);
      rows.delete(key);
    });
    for (const { node, dispose } of rows.values()) dispose(), node.remove();
    rows = next;
    // Backwards: each node then knows the one it stands before, and one that is in its place is not touched.
    let before = /** @type {ChildNode} */ (last);
    for (const { node } of [...rows.values()].reverse()) {
      if (node.nextSibling !== before) before.before(node);
      before = node;
    }
  });
  return holder;
}

/** Build into an element. Gives what takes it away. @param {Element} element @param {() => any} content */
export function root(element, content) {
  const [, dispose] = scope(() => element.replaceChildren(...nodesOf(content())));
  return () => (dispose(), element.replaceChildren());
}

/** @param {TemplateStringsArray} strings @param {any[]} values @param {boolean} isSvg */
function build(strings, values, isSvg) {
  let template = templates.get(strings);
  if (template === undefined) templates.set(strings, (template = parse(strings, isSvg)));
  const made = document.importNode(template.content, true);
  // All places are found before the first is filled, which moves the others.
  const places = template.holes.map(({ path }) => path.reduce((node, at) => node.childNodes[at], /** @type {any} */ (made)));
  template.holes.forEach(({ name, parts, first }, at) => {
    if (name === null) fill(places[at], values[first]);
    else setAttribute(places[at], name, parts, values.slice(first, first + parts.length - 1));
  });
  return made.childNodes.length === 1 ? made.firstChild : made;
}

/** @param {TemplateStringsArray} strings @param {boolean} isSvg @returns {Template} */
function parse(strings, isSvg) {
  let text = "";
  strings.forEach((part, at) => {
    // A policy that refuses styles and handlers in markup refuses these, too, though nothing is drawn or run by them yet.
    text += part.replace(/\s(style|on[a-z]+)=$/, " hole-$1=");
    if (at < strings.length - 1) text += IN_TAG.test(text) ? `hole-${at}-` : `<!--hole-${at}-->`;
  });
  // Line breaks at the edges are ours; a blank alone parts words.
  const inside = text.replace(/^\s*\n\s*|\s*\n\s*$/g, "");
  const markup = isSvg ? `<svg>${inside.trim()}</svg>` : inside;
  const element = document.createElement("template");
  element.innerHTML = policy ? policy.createHTML(markup) : markup;
  if (isSvg) element.content.firstElementChild?.replaceWith(...element.content.firstElementChild.childNodes);
  return { content: element.content, holes: [...holesOf(element.content, [])] };
}

/** @param {Node} node @param {number[]} path @returns {Generator<Hole>} */
function* holesOf(node, path) {
  if (node instanceof Comment && node.data.startsWith("hole-")) {
    yield { path, name: null, parts: [], first: Number(node.data.slice(5)) };
  }
  for (const { name, value } of node instanceof Element ? [...node.attributes] : []) {
    const pieces = value.split(/hole-(\d+)-/);
    if (pieces.length === 1) continue;
    /** @type {Element} */ (node).removeAttribute(name);
    yield { path, name, parts: pieces.filter((_, at) => at % 2 === 0), first: Number(pieces[1]) };
  }
  for (const [at, child] of node.childNodes.entries()) yield* holesOf(child, [...path, at]);
}

/** Put content in the place of a mark. @param {ChildNode} place @param {any} value */
function fill(place, value) {
  if (typeof value !== "function") return place.replaceWith(...nodesOf(value));
  // Whatever stands between two marks, however little it is, can be found again.
  const end = document.createComment("");
  place.after(end);
  effect(() => {
    const content = value();
    const old = place.nextSibling;
    const isText = typeof content === "string" || typeof content === "number";
    if (isText && old instanceof Text && old.nextSibling === end) return void (old.data = String(content));
    const nodes = untracked(() => nodesOf(content));
    while (place.nextSibling !== null && place.nextSibling !== end) place.nextSibling.remove();
    place.after(...nodes);
  });
}

/** @param {any} value @returns {Node[]} */
function nodesOf(value) {
  if (isNothing(value) || value === true) return [];
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (value instanceof DocumentFragment) return [...value.childNodes];
  if (value instanceof Node) return [value];
  if (typeof value !== "function") return [document.createTextNode(String(value))];
  const holder = document.createElement("div");
  fill(holder.appendChild(document.createComment("")), value);
  return [...holder.childNodes];
}

/** @param {Element} element @param {string} name @param {string[]} parts @param {any[]} values */
function setAttribute(element, name, parts, values) {
  if (name === "ref") return values[0](element);
  if (name.startsWith("hole-on")) return element.addEventListener(name.slice("hole-on".length), values[0]);
  const set = () => {
    const now = values.map((value) => (typeof value === "function" ? value() : value));
    const isWhole = parts.length === 2 && parts.join("") === "";
    assign(element, name, isWhole ? now[0] : parts.reduce((text, part, at) => text + (isNothing(now[at - 1]) ? "" : now[at - 1]) + part));
  };
  values.some((value) => typeof value === "function") ? effect(set) : set();
}

/** @param {any} element @param {string} name @param {any} value */
function assign(element, name, value) {
  // Blanks and control characters inside a scheme are nothing to the browser.
  const isUnsafe = LINKS.has(name) && !SAFE_LINK.test(String(value).replace(/[\u0000-\u0020]/g, ""));
  if (name.startsWith(".")) element[name.slice(1)] = value;
  else if (name === "hole-style") {
    for (const [key, each] of Object.entries(value ?? {})) element.style.setProperty(key, each);
  } else if (isNothing(value) || isUnsafe) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}
