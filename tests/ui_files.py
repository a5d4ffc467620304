"""The files of the page: what they import, at once and later, and what a first visit loads of them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from posixpath import join, normpath

from tests.source_tree import ROOT, source_text, tracked

UI = ROOT / "ui"
FILES = {path.relative_to(UI).as_posix(): source_text(path) for path in tracked() if UI in path.parents}
MODULES = {name: text for name, text in FILES.items() if name.endswith(".js")}
PAGES = sorted(name for name in MODULES if re.fullmatch(r"pages/\w+\.js", name))

#: What a first visit may load, compressed: of the list of runs, and of any other page by a link to it.
MOST_BYTES = 90_000
#: What is imported later, and by what a reader does. All else that is imported belongs to the first visit.
ON_DEMAND = {
    "parts/shortcut_list.js",
    "graph/canvas_graph.js",
    "pages/edit/save.js",
    "pages/edit/simulation_panel.js",
    "pages/run/actions.js",
    "pages/run/definition_tab.js",
    "pages/run/events_tab.js",
    "pages/run/in_out_tab.js",
    "pages/run/node_panel.js",
    "pages/run/nodes_tab.js",
    "pages/run/timeline_tab.js",
    "pages/workflow/definition_tab.js",
    "pages/workflow/launch_tab.js",
    "pages/workflow/schedules_tab.js",
    "pages/workflow/triggers_tab.js",
    "pages/workflow/versions_tab.js",
}
#: A page that is opened with one of several things -> what it does not load then, as another one needs it.
NOT_LOADED: Mapping[str, Mapping[str, set[str]]] = {
    "pages/edit.js": {
        "new": {"pages/edit/again.js", "pages/edit/run_subject.js", "core/yaml_text.js"},
        "workflow": {"pages/edit/again.js", "pages/edit/run_subject.js", "pages/edit/new_text.js"},
        "run": {"pages/edit/new_text.js", "pages/edit/inputs_panel.js"},
    },
}
STATIC = re.compile(r"""^\s*(?:import|export)\b(?:[^"'();]*?\bfrom\s*)?\s*["']([^"']+)["']""", re.MULTILINE)
LATER = re.compile(r"""\bimport\(\s*["']([^"']+)["']""")
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)


def imported(name: str, pattern: re.Pattern[str] = STATIC) -> Iterator[str]:
    """The modules that one imports, by their paths in `ui/`; what is not relative as it stands."""
    for target in pattern.findall(MODULES[name]):
        yield normpath(join(name, "..", target)) if target.startswith(".") else target


def later(name: str) -> set[str]:
    """The modules that one imports by a call. Types in its comments name modules in the same way."""
    targets = LATER.findall(COMMENT.sub("", MODULES[name]))
    return {normpath(join(name, "..", target)) for target in targets}


def loaded(*names: str) -> set[str]:
    """Modules with all that they import at once, and what that imports."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in MODULES:
            found.add(name)
            waiting.extend(imported(name))
    return found


def styles_of(page: str) -> set[str]:
    """The style sheets that come with a page, beside those of the shell."""
    table = MODULES["main.js"].partition("const STYLES = {")[2].partition("};")[0]
    listed = re.search(rf"^  {page.removeprefix('pages/')[:-3]}: \[(.*)\]", table, re.MULTILINE)
    return {f"styles/{name}.css" for name in re.findall(r'"(\w+)"', listed[1])} if listed else set()


def first_visit(page: str, how: str = "") -> set[str]:
    """All files that are loaded before anyone does something: by an import that is met, now or later.

    how  what the page is opened with, of NOT_LOADED; "" where it makes no difference, or for all of them.
    """
    shell = {name for name in FILES if f"/ui/static/{name}" in FILES["index.html"]}
    apart = ON_DEMAND | (NOT_LOADED[page][how] if how else set())
    found = loaded("main.js", page)
    waiting = [name for name in found if name != "main.js"]
    while waiting:
        new = loaded(*(later(waiting.pop()) - apart)) - found
        found |= new
        waiting.extend(new)
    return {"index.html", *shell, *found, *styles_of(page)}


def weight(names: Iterable[str]) -> int:
    """Bytes of files as they are sent, without headers."""
    return sum(len(gzip.compress(FILES[name].encode(), 9, mtime=0)) for name in names)
