"""What `dev` is told and cannot do is said in a line, and nothing is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.stack.ports import NoSuchHost, is_port_free
from cli.stack.redis_server import RedisUnavailable, lock


def test_a_host_that_leads_nowhere_is_named() -> None:
    with pytest.raises(NoSuchHost, match=r"--host: 'no host\.invalid' is no address of this machine"):
        is_port_free(8000, host="no host.invalid")


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(RedisUnavailable, match=r"--data-dir: cannot make the directory .*taken: File exists"):
        lock(tmp_path / "taken")
