"""The modules of the page agree in their types, which stand in their JSDoc."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.source_tree import ROOT, source_text

HOME = ROOT / ".data" / "types"
LOCK = ROOT / "tests" / "browser" / "compiler" / "package-lock.json"


def test_the_types_of_the_page_agree() -> None:
    done = subprocess.run(
        [_compiler(), "-p", ROOT / "ui" / "tsconfig.json"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_a_wrong_type_is_found(tmp_path: Path) -> None:
    config = source_text(ROOT / "ui" / "tsconfig.json")
    (tmp_path / "tsconfig.json").write_text(config)
    (tmp_path / "one.js").write_text("/** @param {number} n */\nexport const half = (n) => n / 2;\n")
    (tmp_path / "two.js").write_text('import { half } from "./one.js";\n\nhalf("two");\n')

    done = subprocess.run([_compiler(), "-p", tmp_path], capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "two.js(3,6)" in done.stdout


def _compiler() -> Path:
    """The compiler as it is locked; without it these tests are skipped."""
    installed = HOME / "installed.json"
    found = sorted(HOME.glob("node_modules/@typescript/typescript-*/lib/tsc*"))
    if not (found and installed.is_file() and installed.read_text() == source_text(LOCK)):
        pytest.skip("the compiler that checks the types of the page is not installed: .ci/types installs it")
    return next(path for path in found if path.stem == "tsc" and path.suffix in ("", ".exe"))
