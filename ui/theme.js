// A classic script, so that it runs before the first paint: a module would show the wrong colours first.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("headrace-theme");
  } catch {
    // A browser that keeps nothing has the colours of its system.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
