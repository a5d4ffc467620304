"""The shell: addresses with the prefix of a proxy, and all modules at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.page.files import Files
from api.page.shell import shell_of

TEXT = """<head>
    <meta name="root-path" content="">
    <link rel="stylesheet" href="/ui/static/styles/base.css">
    <!-- modules -->
    <script type="module" src="/ui/static/main.js"></script>
</head>
"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "index.html").write_text(TEXT)
    (tmp_path / "main.js").write_text('import "./a.js";\n')
    (tmp_path / "a.js").write_text("")
    return Files(tmp_path)


def test_addresses_begin_with_the_prefix(files: Files) -> None:
    body = shell_of(files, "/one/two").body.decode()

    assert '<meta name="root-path" content="/one/two">' in body
    assert 'href="/one/two/ui/static/styles/base.css"' in body
    assert 'src="/one/two/ui/static/main.js"' in body
    assert 'href="/one/two/ui/static/a.js"' in body
    assert '"/ui/' not in body


def test_every_module_is_asked_for_at_once(files: Files) -> None:
    body = shell_of(files, "").body.decode()

    assert '<link rel="modulepreload" href="/ui/static/main.js">' in body
    assert '<link rel="modulepreload" href="/ui/static/a.js">' in body
    assert '<meta name="root-path" content="">' in body


def test_a_changed_module_or_shell_is_another_shell(files: Files) -> None:
    before = shell_of(files, "")
    (files.directory / "main.js").write_text("")
    without_import = shell_of(files, "")
    (files.directory / "index.html").write_text(TEXT + "<!-- more -->")
    changed = shell_of(files, "")

    assert len({before.tag, without_import.tag, changed.tag}) == 3


def test_a_directory_without_a_shell_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no index\.html in"):
        shell_of(Files(tmp_path / "nowhere"), "")
