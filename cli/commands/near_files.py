"""Files that were probably meant, where one that was named is not there."""

from __future__ import annotations

import os
from pathlib import Path

#: Endings of files that hold documents.
ENDINGS = (".yaml", ".yml", ".json")
#: Files of a directory that are looked at.
MOST_FILES = 1_000


def is_bare(file: Path) -> bool:
    """Whether a word names no place and no kind of file, and so may be the name of what is registered."""
    word = str(file)
    return word not in ("-", ".", "..") and os.sep not in word and file.suffix.lower() not in ENDINGS


def is_file(file: Path) -> bool:
    """Whether a file is there, and is no directory; a word that is too long to name one names none."""
    try:
        return file.exists() and not file.is_dir()
    except OSError:
        return False


def file_hint(file: Path) -> str:
    """Hint at the file that was probably meant; empty where none is like it."""
    from headrace.wording import closest

    try:
        with os.scandir(file.parent) as found:
            names = sorted(each.name for each, _ in zip(found, range(MOST_FILES), strict=False))
    except (FileNotFoundError, NotADirectoryError):
        return f"; there is no directory {str(file.parent)!r}"
    except OSError:
        return ""
    stems = {name: Path(name).stem for name in names if Path(name).suffix.lower() in ENDINGS}
    # A file without its ending, in whatever case, and then what is spelled like it.
    near = next((name for name, stem in stems.items() if stem.lower() == file.name.lower()), None)
    near = near or closest(file.name, list(stems))
    if near is None and (stem := closest(file.stem, list(stems.values()))) is not None:
        near = next(name for name, each in stems.items() if each == stem)
    return f"; did you mean {str(file.with_name(near))!r}?" if near is not None else ""
