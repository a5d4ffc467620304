"""Which charsets are read, and which of Python's codecs never are."""

from __future__ import annotations

import pytest

from orchestrator.documents.charsets import MOST_BAD, codec_of, decode, marked


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("utf-8", "utf_8"), ("UTF8", "utf_8"), ("ISO-8859-1", "latin_1"), ("iso_8859_15", "iso8859_15"),
     ("latin1", "latin_1"), ("Windows-1252", "cp1252"), ("x-sjis", "shift_jis"), ("Shift_JIS", "shift_jis"),
     ("windows-31j", "cp932"), ("EUC-JP", "euc_jp"), ("euc-kr", "euc_kr"), ("GB2312", "gb2312"),
     ("gbk", "gbk"), ("gb18030", "gb18030"), ("Big5", "big5"), ("KOI8-R", "koi8_r"), ("koi8-u", "koi8_u"),
     ("utf-16", "utf_16"),
     ("utf-16le", "utf_16_le"), ("utf-32", "utf_32"), ("us-ascii", "ascii"), ("cp437", "cp437"),
     ("IBM850", "cp850")],
)  # fmt: skip
def test_charsets_of_the_web_are_read_under_all_their_names(charset: str, codec: str) -> None:
    assert codec_of(charset) == codec
    assert decode("plain".encode(codec), codec) == "plain"


@pytest.mark.parametrize(
    "charset",
    ["punycode", "idna", "unicode_escape", "raw_unicode_escape", "rot13", "hex", "base64", "zlib", "bz2",
     "utf-7", "undefined", "mbcs", "hz", "quopri", "uu", "nonsense", "", "\0", "../x", "utf-8" * 1000],
)  # fmt: skip
def test_no_other_codec_is(charset: str) -> None:
    assert codec_of(charset) is None


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_names_the_codec(codec: str) -> None:
    found = marked("grün".encode(codec))

    assert found is not None
    assert found[1].decode(found[0]) == "grün"


def test_a_text_without_a_mark_has_none() -> None:
    assert marked(b"plain") is None


def test_a_few_bad_bytes_are_marked_in_the_text_and_many_make_it_none() -> None:
    assert decode(b"gr\xfcn \x81 wei\xdf", "cp1252") == "grün \ufffd weiß"
    assert decode("ab".encode("utf-16-le") + b"\x00\xd8c\x00", "utf_16_le") == "ab\ufffdc"
    assert decode(b"\x81" * MOST_BAD, "cp1252") is None
    assert decode(b"\x81" * 1_000_000, "cp1252") is None
