"""The shell of the page: the one HTML document that every page path gets, with its addresses filled in."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from api.page.files import Content, Files, content_of

SHELL = "index.html"
MAIN = "main.js"
STATIC = "/ui/static/"

#: Stands in the shell for links to all modules of the page, so that a browser asks for them at once.
_MODULES = "<!-- modules -->"
_ROOT_PATH = '<meta name="root-path" content="">'


def shell_of(files: Files, root_path: str) -> Content:
    """Give the shell as it is served behind this prefix. Raises FileNotFoundError where there is none."""
    found = files.find(SHELL)
    if found is None:
        raise FileNotFoundError(f"no {SHELL} in {files.directory}")
    return _filled_in(found.body, root_path, files.modules_of(MAIN))


@lru_cache(maxsize=4)
def _filled_in(body: bytes, root_path: str, modules: tuple[str, ...]) -> Content:
    prefix = escape(root_path)
    links = "\n    ".join(f'<link rel="modulepreload" href="{STATIC}{escape(name)}">' for name in modules)
    text = body.decode().replace(_MODULES, links)
    text = text.replace(_ROOT_PATH, f'<meta name="root-path" content="{prefix}">')
    for attribute in ("href", "src"):
        text = text.replace(f'{attribute}="/ui/', f'{attribute}="{prefix}/ui/')
    return content_of(text.encode(), ".html")
