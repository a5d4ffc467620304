// Which colour a display state has. Several states share one: each kind of waiting is told apart by its icon.

export const TONES = [
  "queued", "running", "waiting", "retrying", "completed", "failed", "upstream_failed", "pending", "skipped", "cancelled",
];

/** @param {string} state  display state @returns {string} one of TONES, the end of a `--state-…` property */
export function toneOf(state) {
  if (TONES.includes(state)) return state;
  return state.startsWith("waiting") || state === "paused" ? "waiting" : "pending";
}

/**
 * Colours as they are now on the page; read again after a change of theme.
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
  /** @param {(tone: string) => string} colour */
  const ofEach = (colour) => TONES.map((tone) => read(colour(`var(--state-${tone})`)));
  const palette = {
    /** By number of the tone, as the others of this kind. */
    tones: ofEach((tone) => tone),
    outlines: ofEach((tone) => `color-mix(in srgb, ${tone} 55%, var(--surface))`),
    faint: ofEach((tone) => `color-mix(in srgb, ${tone} 35%, var(--surface))`),
    failedFill: read("color-mix(in srgb, var(--state-failed) 12%, var(--raised))"),
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
