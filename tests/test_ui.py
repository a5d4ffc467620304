"""Rules of the house for the page: its files, what they import, what they may never do, what they weigh."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.ui_files import (
    COMMENT,
    FILES,
    LATER,
    MODULES,
    MOST_BYTES,
    NOT_LOADED,
    ON_DEMAND,
    PAGES,
    STATIC,
    first_visit,
    imported,
    later,
    loaded,
    styles_of,
    weight,
)

MAX_FILE_LINES = 350
#: What stands in place of a framework is read by everyone who changes the page.
FEWER_LINES = {"core/view.js": 300}
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
__KEYS = re.compile(r"""\bkeys: ["']([^"']+)["']""")
_KEYS = re.compile(r"""\bkeys: ["']([^"']+)["']""")


def room(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_what_is_below_it(name: str) -> None:
    targets = [*imported(name), *imported(name, LATER)]

    assert not [target for target in targets if target not in MODULES], "no such module of ours"
    allowed = ROOMS[room(name)] | {room(name)}
    assert not [target for target in targets if room(target) not in allowed]


def test_no_two_modules_need_each_other() -> None:
    assert not {name for name in MODULES if name in loaded(*imported(name))}


def test_every_file_is_used() -> None:
    shell = FILES["index.html"]
    entries = [name for name in MODULES if f"/ui/static/{name}" in shell]
    used = loaded(*entries, *(target for name in MODULES for target in later(name)))
    used |= {name for name in FILES if f"/ui/static/{name}" in shell} | {"index.html", "tsconfig.json"}
    used |= {name for page in PAGES for name in styles_of(page)}

    assert FILES.keys() - used == set()


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_no_text_becomes_markup_or_code(pattern: str) -> None:
    texts = {name: COMMENT.sub("", text) for name, text in FILES.items()}

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
    addresses = set(re.findall(r"\bhttps?://[\w.-]+", COMMENT.sub("", text)))
    assert addresses <= {"http://www.w3.org"}, "nothing is loaded from elsewhere"


@pytest.mark.parametrize(
    ("page", "how"), [(page, how) for page in PAGES for how in NOT_LOADED.get(page, [""])]
)
def test_a_first_visit_is_light(page: str, how: str) -> None:
    names = first_visit(page, how)

    assert weight(names) <= MOST_BYTES, sorted(names, key=lambda name: weight([name]))[-8:]


def test_what_comes_on_demand_is_imported_later() -> None:
    found = {target for name in MODULES for target in later(name)}

    assert found >= ON_DEMAND
    assert found >= {name for hows in NOT_LOADED.values() for names in hows.values() for name in names}


def test_style_sheets_come_with_their_pages() -> None:
    named = {name for page in PAGES for name in styles_of(page)}

    assert "styles/graph.css" in named
    assert named <= FILES.keys()


@pytest.mark.parametrize("page", PAGES)
def test_keys_are_used_once_and_none_is_the_browsers(page: str) -> None:
    keys = Counter(key for name in loaded("main.js", page) for key in _KEYS.findall(MODULES[name]))

    assert not [key for key, count in keys.items() if count > 1]
    assert not [key for key in keys if not re.fullmatch(r"(g )?\S|Escape|Enter|Arrow\w+", key)]


def test_colours_are_named_in_one_file() -> None:
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b(?!\w)|\b(?:rgb|hsl|oklch)a?\(")
    texts = {name: COMMENT.sub("", text) for name, text in FILES.items() if name.endswith((".js", ".css"))}

    assert {name for name, text in texts.items() if colour.search(text)} <= {"styles/tokens.css"}


def test_the_rules_find_what_breaks_them() -> None:
    """Patterns that nothing matches would let everything pass."""
    assert STATIC.findall('import { a } from "./a.js";\nexport { b } from "../b.js";\nimport "./c.js";') == [
        "./a.js",
        "../b.js",
        "./c.js",
    ]
    assert LATER.findall('const p = () => import("./pages/runs.js")') == ["./pages/runs.js"]
    assert COMMENT.sub("", 'a /* innerHTML */ b // eval(\nc "https://x"') == 'a  b \nc "https://x"'
    assert len(loaded("main.js")) > 5
    assert _KEYS.findall('{ keys: "g r", does: "x" }') == ["g r"]
    samples = ["x.innerHTML = y", "t.createPolicy('x')", "eval(x)", '<p style="x">']
    samples += ["document.cookie", "sessionStorage.x = 1"]
    assert all(re.search(pattern, sample) for pattern, sample in zip(FORBIDDEN, samples, strict=True))
