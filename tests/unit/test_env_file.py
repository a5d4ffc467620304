"""`.env` is read as it is written, and without what reads settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from docs.generate import ROOT
from env_file import read_env_file


def test_values_are_as_they_are_written_with_a_byte_order_mark_or_without(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("\ufeffAPI_KEY=a$b${HOME}\nEMPTY=\n", encoding="utf-8")

    assert read_env_file(file) == {"API_KEY": "a$b${HOME}", "EMPTY": ""}


def test_a_command_finds_its_key_there_and_imports_no_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_KEY=from-file\n")
    program = f"""
import pathlib, sys
import cli
from cli.stack import info
info.ROOT = pathlib.Path({str(tmp_path)!r})
print(info.api_key(), info.operator_key(), *sys.modules)
"""
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_KEY")}

    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=plain | {"PYTHONPATH": str(ROOT)},
    )

    key, operator_key, *loaded = done.stdout.split()
    assert (key, operator_key) == ("from-file", "from-file")
    assert {"config", "pydantic"}.isdisjoint(loaded)
