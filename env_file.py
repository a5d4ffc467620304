"""Reads `.env`, for the settings and for commands that need one variable and no settings."""

from __future__ import annotations

from pathlib import Path

#: UTF-8, with a byte order mark or without: some editors and shells write one.
ENV_FILE_ENCODING = "utf-8-sig"


def read_env_file(file: Path) -> dict[str, str | None]:
    """Give its variables, each value as it is written: a `$` in a password is a `$`."""
    from dotenv import dotenv_values

    return dotenv_values(file, encoding=ENV_FILE_ENCODING, interpolate=False)
