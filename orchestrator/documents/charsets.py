"""Text in the charsets that the web uses, and in no other of Python's codecs.

Some codecs are slow (`punycode` needs 16 s for a megabyte), some are none for text (`hex`, `rot13`), and some
make half characters (`unicode_escape`); a server names the charset of its answer as it likes.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

#: Bytes of a text that its charset has no letter for, until it counts as no text of that charset.
MOST_BAD = 100

_CODECS = (
    "ascii", "utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be",
    "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
    "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16",
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp437", "cp850", "cp852", "cp858", "cp866", "cp874", "koi8_r", "koi8_u", "tis_620", "mac_roman",
    "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp", "iso2022_jp",
    "euc_kr", "cp949",
)  # fmt: skip
#: The longest first: the mark of UTF-16 begins that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf_32_le"),
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)


def _plain(name: str) -> str:
    """A name as names are compared: `ISO-8859-1`, `iso_8859_1` and `x-iso8859-1` are one."""
    return re.sub(r"[^a-z0-9]+", "", name.lower().removeprefix("x-"))


_BY_NAME = {_plain(name): name for name in _CODECS}
_BY_NAME |= {_plain(alias): codec for alias, codec in aliases.items() if codec in _CODECS}
#: Names that browsers know and Python does not, or not in each version.
_BY_NAME |= {
    "utf8sig": "utf_8",
    "windows31j": "cp932",
    "windows874": "cp874",
    "windows936": "gbk",
    "windows949": "cp949",
}


def codec_of(charset: str) -> str | None:
    """Give the codec of a charset as servers name it; None for one that is not read here."""
    return _BY_NAME.get(_plain(charset[:40]))


def marked(content: bytes) -> tuple[str, bytes] | None:
    """Split a byte order mark off: the codec it stands for, and the rest; None without one."""
    return next(
        ((codec, content[len(mark) :]) for mark, codec in _MARKS if content.startswith(mark)),
        None,
    )


def decode(content: bytes, codec: str) -> str | None:
    """Read bytes by a codec of `codec_of`; a few bad ones become U+FFFD, with more it is None."""
    rest = memoryview(content)
    parts: list[str] = []
    for _ in range(MOST_BAD):
        try:
            return "".join([*parts, str(rest, codec)])
        except UnicodeDecodeError as error:
            parts += [str(rest[: error.start], codec), "\ufffd"]
            rest = rest[error.end :]
    return None
