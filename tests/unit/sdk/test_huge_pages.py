"""What a process has loaded, in large pages."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from headrace import _huge_pages
from headrace._huge_pages import use_huge_pages
from tests.source_tree import ROOT

MODES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
#: Of a process that holds many objects, and compares them afterwards.
PROGRAM = """
from headrace._huge_pages import use_huge_pages
held = {number: [str(number)] for number in range(300_000)}
moved = use_huge_pages()
assert all(held[number] == [str(number)] for number in range(300_000))
held |= {number: [str(number)] for number in range(300_000, 400_000)}
assert len(held) == 400_000
with open("/proc/self/smaps_rollup") as lines:
    print(moved, sum(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages")))
"""


def release() -> tuple[int, ...]:
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has them")
def test_nothing_is_lost_on_the_way() -> None:
    folder = str(ROOT / "sdk" / "src")
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": folder}
    )

    moved, now_kb = map(int, done.stdout.split())
    assert moved % (2 * 1024 * 1024) == 0
    if MODES.exists() and "[never]" not in MODES.read_text() and release() >= (6, 1):
        assert moved >= 8 * 1024 * 1024
        assert now_kb >= 8 * 1024


@pytest.mark.parametrize("missing", ["_SIZE", "_MAPS"])
def test_a_system_without_them_goes_on_as_it_was(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_huge_pages, missing, tmp_path / "none")

    assert use_huge_pages() == 0


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert use_huge_pages() == 0


def test_only_memory_of_its_own_is_moved() -> None:
    own = [
        "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 ",
        "5500000000-5500400000 rw-p 00000000 00:00 0                          [heap]",
    ]
    other = [
        "7f0000000000-7f0000400000 rw-s 00000000 00:00 0 ",
        "7f0000000000-7f0000400000 r-xp 00000000 00:00 0 ",
        "7f0000000000-7f0000400000 rw-p 00001000 fe:00 1234    /usr/lib/libc.so.6",
        "7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0                          [stack]",
    ]
    assert all(_huge_pages._own_memory(line) for line in own)
    assert not any(_huge_pages._own_memory(line) for line in other)
