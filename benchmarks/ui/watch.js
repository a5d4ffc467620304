// Runs in the page of the real product before anything of it, and notes what the page does with its time.

(() => {
  const frame = (/** @type {() => void} */ run) => requestAnimationFrame(run);
  /** @type {{start: number, duration: number}[]} */
  const tasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime: start, duration } of list.getEntries()) tasks.push({ start, duration });
  }).observe({ entryTypes: ["longtask"] });

  const watched = {
    /** When the first picture was drawn, and when the page was at rest after it: ms since it was opened. */
    picture: 0,
    interactive: 0,
    frames: 0,
    began: 0,
    ended: 0,

    /** Count frames from now until the run has ended. */
    begin() {
      watched.began = performance.now();
      const step = () => {
        watched.frames++;
        if (document.querySelector(".connection.ended")) watched.ended = performance.now();
        else frame(step);
      };
      frame(step);
    },

    figures() {
      const seconds = (watched.ended - watched.began) / 1000;
      const entry = performance.getEntriesByType("resource").find(({ name }) => name.includes("view=lean"));
      const data = /** @type {PerformanceResourceTiming | undefined} */ (entry)?.responseEnd ?? NaN;
      const later = tasks.filter(({ start }) => start > watched.picture);
      return {
        fps: watched.frames / seconds,
        run_s: seconds,
        first_picture_ms: watched.picture - data,
        interactive_ms: watched.interactive,
        longest_task_ms: Math.max(0, ...later.map(({ duration }) => duration)),
        busy_share: later.reduce((sum, { duration }) => sum + duration, 0) / 1000 / seconds,
      };
    },

    /** Nodes by the word for their state, as the page says. */
    counts() {
      const buttons = [...document.querySelectorAll(".counts button")];
      const digits = (/** @type {Element} */ each) => each.querySelector(".number")?.textContent ?? "";
      return Object.fromEntries(
        buttons.map((each) => [(each.textContent ?? "").replace(digits(each), "").trim(), Number(digits(each).replace(/\D/g, ""))]),
      );
    },
  };

  const look = () => {
    // What a tab shows first: a graph's canvas, or rows.
    if (!document.querySelector("canvas.graph-canvas, .table .line, .timeline canvas")) return frame(look);
    frame(() =>
      frame(() => {
        watched.picture = performance.now();
        setTimeout(() => (watched.interactive = performance.now()));
      }),
    );
  };
  frame(look);
  Object.assign(window, { watched });
})();
