"""A sample of a pattern is matched by it, as the checks of answers match."""

from __future__ import annotations

import pytest
from jsonschema_rs import Draft202012Validator

from clients.llm.pattern_sample import LONGEST, sample_of_pattern

PATTERNS = [
    r"^\d{3}-[A-Z]{2}$", r"^(low|high)$", r"[a-z]+@[a-z]+\.com", r"^[^0-9]{2,5}x?$", r"^\p{L}+$",
    r"^[\p{Lu}\d]{4}$", r"^(?:a|b){3}\s\w+$", r"^#[0-9a-fA-F]{6}$", r"^.{5}$", r"^v(\d+)\.(\d+)$",
    r"^[A-Z][a-z]* [A-Z][a-z]*$",
    r"^$", "abc", r"^[^a]$", r"^[^\w\s]$", r"^\D\W\S$", r"^(a+)+$", r"^x*?y$", "^$|^b$", r"^[-_]$",
    "^é[à-ü]$",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_sample_fits_its_pattern(pattern: str) -> None:
    sample = sample_of_pattern(pattern)

    assert Draft202012Validator({"pattern": pattern}).is_valid(sample)


@pytest.mark.parametrize("pattern", ["^[a-z]+$", r"^(ab)*\d{2,}$", "^x{1,40}$"])
def test_a_sample_is_as_long_as_it_has_to_be(pattern: str) -> None:
    sample = sample_of_pattern(pattern, shortest=15)

    assert Draft202012Validator({"pattern": pattern, "minLength": 15}).is_valid(sample)


@pytest.mark.parametrize("pattern", ["(", r"(?=a)b", r"(a)\1", "a{99999999}", "(((a{999}){999}){999}){999}"])
def test_no_sample_is_made_of_what_cannot_be_read_or_would_be_endless(pattern: str) -> None:
    assert sample_of_pattern(pattern) is None


def test_no_sample_is_longer_than_the_longest() -> None:
    assert len(sample_of_pattern("^a+$", shortest=LONGEST) or "") == LONGEST
    assert sample_of_pattern("^a+$", shortest=LONGEST + 1) == "a"
