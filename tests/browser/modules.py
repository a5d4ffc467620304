"""Modules of the page, called from Python inside Chromium."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

_LOAD = "async (path) => Object.keys(await import(path))"
_CALL = """async ([path, name, given]) => {
    const found = (await import(path))[name];
    return typeof found === "function" ? await found(...given) : found;
}"""


class Module:
    """One ES module of `ui/`, loaded from where the page loads it and under its policy."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.path = f"/ui/static/{path}"
        self.exports: list[str] = page.evaluate(_LOAD, self.path)

    def call(self, name: str, *given: Any) -> Any:
        """Call an exported function with JSON values and give what it returns, as one."""
        assert name in self.exports, f"{self.path} exports {self.exports}, not {name}"
        return self.page.evaluate(_CALL, [self.path, name, given])

    def each(self, name: str, *calls: tuple[Any, ...]) -> list[Any]:
        """Call an exported function once for each list of values; gives what it returned."""
        assert name in self.exports, f"{self.path} exports {self.exports}, not {name}"
        source = f"(module, calls) => Promise.all(calls.map((given) => module.{name}(...given)))"
        found: list[Any] = self.run(source, [list(call) for call in calls])
        return found

    def get(self, name: str) -> Any:
        """Give an exported value that is no function."""
        return self.call(name)

    def run(self, function: str, *given: Any) -> Any:
        """Call a function written in JavaScript with the module and JSON values:
        `run("(view, n) => { const s = view.signal(n); return s.value; }", 3)`."""
        return self.page.evaluate(
            f"async ([path, given]) => await ({function})(await import(path), ...given)", [self.path, given]
        )
