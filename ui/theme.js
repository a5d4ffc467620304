// Before anything is drawn: the theme that was chosen here, or the one of the system.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("headrace.theme");
  } catch {
    // Storage may be forbidden; the system's theme is good enough.
  }
  const isDark = chosen === null ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}
