"""Files of the page: what is served, what never is, and when a file is read again."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from api.page.files import Files

LONG = "const answer = 42;\n" * 40


@pytest.fixture
def files(tmp_path: Path) -> Files:
    directory = tmp_path / "ui"
    (directory / "core").mkdir(parents=True)
    (directory / "main.js").write_text('import { a } from "./core/a.js";\n' + LONG)
    (directory / "core" / "a.js").write_text(
        "import \"./b.js\";\nexport {\n  one,\n  two,\n} from './c.js';\n"
        'const page = () => import("./later.js");\nconst text = "import x from \\"./no.js\\"";\n'
    )
    (directory / "core" / "b.js").write_text('export * from "./a.js";\n')
    (directory / "core" / "c.js").write_text("export const one = 1, two = 2;\n")
    (directory / "core" / "later.js").write_text("export const late = true;\n")
    (directory / "note.txt").write_text("not of the page")
    (directory / ".hidden.js").write_text("secret")
    (tmp_path / "outside.js").write_text("secret")
    (directory / "link.js").symlink_to(tmp_path / "outside.js")
    (directory / "loop.js").symlink_to("loop.js")
    return Files(directory)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.js", "core/../../outside.js", "/etc/passwd", "//outside.js", "link.js", ".hidden.js",
        "core/./a.js", "note.txt", "core", "core/", "", "main.js/", "main.js\0.js", "nowhere.js",
        "..\\outside.js", "main.js/a.js", "a" * 300 + ".js", "loop.js",
    ],
)  # fmt: skip
def test_nothing_else_is_served(files: Files, name: str) -> None:
    assert files.find(name) is None


def test_a_file_has_its_type_and_a_compressed_form(files: Files) -> None:
    found = files.find("main.js")

    assert found is not None and found.zipped is not None
    assert found.media_type == "text/javascript"
    assert gzip.decompress(found.zipped) == found.body
    assert len(found.zipped) < len(found.body)


def test_what_would_not_become_shorter_is_not_compressed(files: Files) -> None:
    found = files.find("core/c.js")

    assert found is not None and found.zipped is None


def test_a_file_is_compressed_once_and_read_again_when_it_has_changed(files: Files) -> None:
    first = files.find("main.js")
    second = files.find("main.js")
    path = files.directory / "main.js"
    path.write_text("changed();\n")
    os.utime(path, ns=(1, 1))
    third = files.find("main.js")
    path.unlink()

    assert first is second
    assert third is not None and first is not None
    assert third.body == b"changed();\n" and third.tag != first.tag
    assert files.find("main.js") is None


def test_modules_are_those_that_are_imported_at_once_nearest_first(files: Files) -> None:
    assert files.modules_of("main.js") == ("main.js", "core/a.js", "core/b.js", "core/c.js")
