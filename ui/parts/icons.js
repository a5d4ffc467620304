/**
 * Icons, drawn for this page: paths on a field of 24 × 24, in lines of the text's colour.
 *
 * Each state and each kind of waiting has its own, so that none is marked by colour alone.
 */
import { svg } from "../core/view.js";

/** @type {Record<string, {d: string, isFilled?: boolean}>} */
export const ICONS = {
  // States
  pending: { d: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16z" },
  queued: { d: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16z M8 12h.01 M12 12h.01 M16 12h.01" },
  running: { d: "M7 4l13 8-13 8z", isFilled: true },
  waiting_approval: {
    d:
      "M8 12V6a1.5 1.5 0 0 1 3 0v5 M11 11V4.5a1.5 1.5 0 0 1 3 0V11 " +
      "M14 11V6a1.5 1.5 0 0 1 3 0v8a6 6 0 0 1-6 6c-3 0-4.5-1.5-7-6.5a1.5 1.5 0 0 1 2.600-1.5L8 14",
  },
  waiting_delay: { d: "M7 3h10 M7 21h10 M8 3c0 5 8 5 8 9s-8 4-8 9 M16 3c0 5-8 5-8 9s8 4 8 9" },
  waiting_signal: { d: "M12 12v9 M8.5 15.5a5 5 0 1 1 7 0 M5.600 18.400a9 9 0 1 1 12.800 0 M12 12h.01" },
  waiting_inbox: { d: "M3 6h18v12H3z M3 7l9 7 9-7" },
  waiting_worker: { d: "M9 3v6 M15 3v6 M6 9h12v3a6 6 0 0 1-12 0z M12 18v3" },
  waiting_hold: { d: "M6 11h12v9H6z M9 11V8a3 3 0 0 1 6 0v3" },
  waiting_map: { d: "M4 4h6v6H4z M14 4h6v6h-6z M4 14h6v6H4z M14 14h6v6h-6z" },
  waiting_child: { d: "M4 4h16v16H4z M9 9h6v6H9z" },
  waiting_operator: { d: "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8z M4 21c0-4 3.5-6 8-6s8 2 8 6" },
  retrying: { d: "M20 5v5h-5 M19.5 10A8 8 0 1 0 20 14" },
  completed: { d: "M4 13l5 5L20 6" },
  failed: { d: "M5 5l14 14 M19 5L5 19" },
  upstream_failed: { d: "M9 8H7a4 4 0 0 0 0 8h2 M15 8h2a4 4 0 0 1 0 8h-2 M11 4l1 3 M13 20l-1-3" },
  skipped: { d: "M4 16c2-8 9-9 14-5 M19 5v7h-7" },
  cancelled: { d: "M6 6h12v12H6z", isFilled: true },
  paused: { d: "M8 5v14 M16 5v14" },
  // Places
  runs: { d: "M4 6h10 M4 12h16 M4 18h7 M18 4l3 2-3 2z" },
  workflows: { d: "M4 9h5v6H4z M15 3h5v6h-5z M15 15h5v6h-5z M9 12h3V6h3 M12 12v6h3" },
  approvals: { d: "M4 4h16v16H4z M8 12l3 3 5-6" },
  schedules: { d: "M4 6h16v14H4z M4 10h16 M8 3v4 M16 3v4 M12 13v3l2 1" },
  workers: { d: "M4 4h16v6H4z M4 14h16v6H4z M7 7h.01 M7 17h.01" },
  dead: { d: "M4 7h16v13H4z M3 3h18v4H3z M9 12h6" },
  settings: { d: "M4 7h9 M17 7h3 M15 5v4 M4 17h3 M11 17h9 M9 15v4" },
  // Things to do
  close: { d: "M6 6l12 12 M18 6L6 18" },
  copy: { d: "M9 9h11v11H9z M5 15H4V4h11v1" },
  search: { d: "M11 4a7 7 0 1 0 0 14a7 7 0 1 0 0-14z M16 16l5 5" },
  theme: { d: "M12 3a9 9 0 1 0 0 18z M12 3a9 9 0 0 1 0 18" },
  chevron: { d: "M9 5l7 7-7 7" },
  plus: { d: "M12 5v14 M5 12h14" },
  download: { d: "M12 4v11 M7 11l5 5 5-5 M5 20h14" },
  link: { d: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1 M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1" },
  edit: { d: "M4 20l1-5L16 4l4 4L9 19z" },
  warning: { d: "M12 4l9 16H3z M12 10v4 M12 17h.01" },
  info: { d: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16z M12 11v5 M12 8h.01" },
};

/**
 * An icon. Without a title it is hidden from screen readers: the text beside it has its meaning.
 * @param {string | (() => string)} name
 * @param {{title?: string}} [how]
 */
export function icon(name, { title } = {}) {
  const nameOf = typeof name === "function" ? name : () => name;
  const shape = () => ICONS[nameOf()] ?? ICONS.pending;
  const drawing = svg`<path d=${() => shape().d}></path>`;
  const element = /** @type {SVGElement} */ (document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  element.setAttribute("viewBox", "0 0 24 24");
  element.setAttribute("class", "icon");
  if (shape().isFilled) element.classList.add("filled");
  if (title === undefined) element.setAttribute("aria-hidden", "true");
  else {
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", title);
  }
  element.append(drawing);
  return element;
}
