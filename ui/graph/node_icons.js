// Icons of the states as paths of 24 × 24, drawn as lines.

const CLOCK = "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7v5l3 2";
/** @type {Record<string, string>} */
const PATHS = {
  pending: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16",
  queued: "M5 12h.01M12 12h.01M19 12h.01",
  running: "M7 4l12 8l-12 8z",
  waiting_delay: "M7 3h10M7 21h10M8 3v4l8 10v4M16 3v4l-8 10v4",
  waiting_approval: "M8 12V6a1.5 1.5 0 0 1 3 0v5V4.500a1.500 1.500 0 0 1 3 0V11V6a1.500 1.500 0 0 1 3 0v8a7 7 0 0 1-13 3l-2-4a1.500 1.500 0 0 1 3-1z",
  waiting_signal: "M12 13v8M8.500 9.500a5 5 0 1 1 7 0M5.500 12.500a9 9 0 1 1 13 0M12 6h.01",
  waiting_worker: "M4 8h16v11H4zM9 8V5h6v3M12 12v3",
  waiting_hold: "M9 5v14M15 5v14",
  waiting_map: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  waiting_child: "M5 4v8h8M13 8h6v8h-6zM5 4h.01",
  waiting_operator: "M12 3l9.500 17h-19zM12 9v5M12 17h.01",
  waiting: CLOCK,
  paused: "M9 5v14M15 5v14",
  retrying: "M19 12a7 7 0 1 1-2-5l3 3M20 4v6h-6",
  completed: "M4 13l5 5L20 7",
  failed: "M6 6l12 12M18 6L6 18",
  upstream_failed: "M9 7a4 4 0 0 0-5 6l2 2M15 17a4 4 0 0 0 5-6l-2-2M9 3v2M15 21v-2",
  skipped: "M4 17c2-9 9-10 14-7M18 5v5h-5",
  cancelled: "M6 6h12v12H6z",
};

/** @param {string} state */
export function iconPath(state) {
  return PATHS[state] ?? (state.startsWith("waiting") ? PATHS.waiting : PATHS.pending);
}
