"""Rules of the house for the page: its files, what they import, what they may never do, what they weigh."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from posixpath import join, normpath

import pytest

from tests.source_tree import ROOT, source_text, tracked

UI = ROOT / "ui"
FILES = {path.relative_to(UI).as_posix(): source_text(path) for path in tracked() if UI in path.parents}
MODULES = {name: text for name, text in FILES.items() if name.endswith(".js")}
PAGES = sorted(name for name in MODULES if re.fullmatch(r"pages/\w+\.js", name))

MAX_FILE_LINES = 350
#: What stands in place of a framework is read by everyone who changes the page.
FEWER_LINES = {"core/view.js": 300}
#: What a first visit may load, compressed: of the list of runs, and of any other page by a link to it.
MOST_BYTES = 90_000
#: What a page shows first, and loads when it is there.
SHOWN_FIRST = {
    "pages/run.js": ("pages/run/graph_tab.js",),
    "pages/workflow.js": ("pages/workflow/overview_tab.js",),
    "pages/edit.js": (
        "pages/edit/editor.js",
        "graph/document_view.js",
    ),
}
#: A room imports from itself and from those that are named.
ROOMS = {
    "": {"core", "parts", "pages"},
    "pages": {"core", "parts", "graph"},
    "graph": {"core", "parts"},
    "parts": {"core"},
    "core": set[str](),
}
#: What makes markup, style or code of a text -> the one module that may, since it does so before data comes.
FORBIDDEN = {
    r"\b(inner|outer)HTML\b|\binsertAdjacentHTML\b|\bsetHTMLUnsafe\b|\bparseFromString\b": "core/view.js",
    r"\bcreatePolicy\b|\bcreateContextualFragment\b": "core/view.js",
    r"\bdocument\.write|\beval\(|\bnew Function\b|\bset(Timeout|Interval)\(\s*[\"'`]": None,
    r"\bstyle\s*=\s*[\"']|setAttribute\(\s*[\"']style": "core/view.js",
    r"\bdocument\.cookie\b": None,
    # Text that is being written, and nothing that opens a door.
    r"\bsessionStorage\b": "pages/edit/draft.js",
}
_STATIC = re.compile(r"""^\s*(?:import|export)\b(?:[^"'();]*?\bfrom\s*)?\s*["']([^"']+)["']""", re.MULTILINE)
_LATER = re.compile(r"""\bimport\(\s*["']([^"']+)["']""")
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
_KEYS = re.compile(r"""\bkeys: ["']([^"']+)["']""")


def imported(name: str, pattern: re.Pattern[str] = _STATIC) -> Iterator[str]:
    """The modules that one imports, by their paths in `ui/`; what is not relative as it stands."""
    for target in pattern.findall(MODULES[name]):
        yield normpath(join(name, "..", target)) if target.startswith(".") else target


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


def room(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_is_below_it(name: str) -> None:
    targets = [*imported(name), *imported(name, _LATER)]

    assert not [target for target in targets if target not in MODULES], "no such module of ours"
    allowed = ROOMS[room(name)] | {room(name)}
    assert not [target for target in targets if room(target) not in allowed]


def test_no_two_modules_need_each_other() -> None:
    assert not {name for name in MODULES if name in loaded(*imported(name))}


def test_every_file_is_used() -> None:
    shell = FILES["index.html"]
    entries = [name for name in MODULES if f"/ui/static/{name}" in shell]
    later = {target for name in MODULES for target in imported(name, _LATER)}
    used = loaded(*entries, *later)
    used |= {name for name in FILES if f"/ui/static/{name}" in shell} | {"index.html", "tsconfig.json"}

    assert FILES.keys() - used == set()


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_text_becomes_markup_or_code(pattern: str) -> None:
    texts = {name: _COMMENT.sub("", text) for name, text in FILES.items()}

    found = {name for name, text in texts.items() if re.search(pattern, text)}

    assert found <= {FORBIDDEN[pattern]}


def test_the_shell_has_no_scripts_handlers_or_styles_of_its_own() -> None:
    shell = FILES["index.html"]

    assert not re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|javascript:", shell)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_ours_and_can_be_read_in_one_go(name: str) -> None:
    text = FILES[name]

    assert re.fullmatch(r"[a-z0-9_/]+\.(js|css|html|svg|json)", name), (
        "snake_case, and of a kind that is served"
    )
    assert len(text.splitlines()) <= FEWER_LINES.get(name, MAX_FILE_LINES)
    if name.endswith((".js", ".css")) and text:
        assert re.match(r"/\*|//", text), "it begins with what it is for"
    assert not re.search(r"copyright|@license|sourceMappingURL|\blicensed under\b", text, re.IGNORECASE)
    addresses = set(re.findall(r"\bhttps?://[\w.-]+", _COMMENT.sub("", text)))
    assert addresses <= {"http://www.w3.org"}, "nothing is loaded from elsewhere"


@pytest.mark.parametrize("page", PAGES)
def test_a_first_visit_is_light(page: str) -> None:
    served = {name for name in FILES if f"/ui/static/{name}" in FILES["index.html"]}
    names = {"index.html", *served, *loaded("main.js", page, *SHOWN_FIRST.get(page, ()))}

    weights = {name: len(gzip.compress(FILES[name].encode(), 6)) for name in names}

    assert sum(weights.values()) <= MOST_BYTES, Counter(weights).most_common(8)


@pytest.mark.parametrize("page", PAGES)
def test_keys_are_used_once_and_none_is_the_browsers(page: str) -> None:
    keys = Counter(key for name in loaded("main.js", page) for key in _KEYS.findall(MODULES[name]))

    assert not [key for key, count in keys.items() if count > 1]
    assert not [key for key in keys if not re.fullmatch(r"(g )?\S|Escape|Enter|Arrow\w+", key)]


def test_colours_are_named_in_one_file() -> None:
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b(?!\w)|\b(?:rgb|hsl|oklch)a?\(")
    texts = {name: _COMMENT.sub("", text) for name, text in FILES.items() if name.endswith((".js", ".css"))}

    assert {name for name, text in texts.items() if colour.search(text)} <= {"styles/tokens.css"}


def test_the_rules_find_what_breaks_them() -> None:
    """Patterns that nothing matches would let everything pass."""
    assert _STATIC.findall('import { a } from "./a.js";\nexport { b } from "../b.js";\nimport "./c.js";') == [
        "./a.js",
        "../b.js",
        "./c.js",
    ]
    assert _LATER.findall('const p = () => import("./pages/runs.js")') == ["./pages/runs.js"]
    assert _COMMENT.sub("", 'a /* innerHTML */ b // eval(\nc "https://x"') == 'a  b \nc "https://x"'
    assert len(loaded("main.js")) > 5
    assert _KEYS.findall('{ keys: "g r", does: "x" }') == ["g r"]
    samples = ["x.innerHTML = y", "t.createPolicy('x')", "eval(x)", '<p style="x">']
    samples += ["document.cookie", "sessionStorage.x = 1"]
    assert all(re.search(pattern, sample) for pattern, sample in zip(FORBIDDEN, samples, strict=True))
