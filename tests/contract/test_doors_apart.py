"""Every door stands alone: with its folder and its row taken away, the others do what they did."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from api.dialects import DIALECTS
from tests.source_tree import ROOT, tracked

NAMES = [dialect.name for dialect in DIALECTS]
TABLE = Path("api/dialects/__init__.py")


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("name", NAMES)
def test_without_one_door_the_others_are_as_before(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "headrace"
    for path in tracked():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    shutil.rmtree(copy / "api" / "dialects" / name)
    rows = (copy / TABLE).read_text(encoding="utf-8").splitlines(keepends=True)
    left = [row for row in rows if row.strip() != f'"{name}",']
    assert len(left) == len(rows) - 1
    (copy / TABLE).write_text("".join(left), encoding="utf-8")

    played = [
        "tests/contract/test_native.py",
        *(f"tests/contract/{other}" for other in NAMES if other != name),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *played],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
