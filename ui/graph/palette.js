/** Colours of the states, as a canvas needs them: read from the page, and again after a change of theme. */

/** Names of the colours, the ends of the `--state-…` properties; see `colourOf` in statuses.js. */
export const COLOURS = [
  "queued", "running", "waiting", "retrying", "completed", "failed", "upstream_failed", "pending", "skipped", "cancelled",
];

/**
 * Colours as they are now on the page.
 *
 * By way of an element's `color`, because the text of a property may itself be a function such as
 * light-dark(), which a canvas does not understand.
 * @param {Element} element
 */
export function readPalette(element) {
  const probe = document.createElement("span");
  element.append(probe);
  /** @param {string} colour */
  const read = (colour) => {
    probe.style.setProperty("color", colour);
    return getComputedStyle(probe).color;
  };
  /** @param {(state: string) => string} colour */
  const ofEach = (colour) => COLOURS.map((name) => read(colour(`var(--state-${name})`)));
  const palette = {
    /** By number in COLOURS, as the next two. */
    states: ofEach((state) => state),
    outlines: ofEach((state) => `color-mix(in srgb, ${state} 55%, var(--surface))`),
    faint: ofEach((state) => `color-mix(in srgb, ${state} 35%, var(--surface))`),
    failedFill: read("color-mix(in srgb, var(--state-failed) var(--tint), var(--raised))"),
    surface: read("var(--surface)"),
    raised: read("var(--raised)"),
    strong: read("var(--border-strong)"),
    text: read("var(--text)"),
    muted: read("var(--muted)"),
    accent: read("var(--accent)"),
    family: getComputedStyle(element).fontFamily,
  };
  probe.remove();
  return palette;
}

/** @typedef {ReturnType<typeof readPalette>} Palette */

/**
 * Calls back after each change of theme. @param {() => void} onChange @returns {() => void} ends it
 */
export function watchTheme(onChange) {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(onChange);
  query.addEventListener("change", onChange);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  return () => {
    query.removeEventListener("change", onChange);
    observer.disconnect();
  };
}
