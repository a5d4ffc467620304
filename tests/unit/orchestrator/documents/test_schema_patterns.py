import pytest

from orchestrator.documents.schema_patterns import pattern_cost, unsupported


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("(?=a)b", "look-ahead"),
        ("a(?!b)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "look-behind"),
        (r"(a)\1", "a back-reference"),
        (r"(?<x>a)\k<x>", "a back-reference"),
    ],
)
def test_what_needs_a_backtracking_matcher_is_named(pattern: str, name: str) -> None:
    assert unsupported(pattern) == name


@pytest.mark.parametrize("pattern", ["(?:a)", "(?<year>\\d{4})", r"\(?=", r"[(?=]", r"\\1", r"a\0", r"[\1]"])
def test_what_only_looks_like_it_is_left_alone(pattern: str) -> None:
    assert unsupported(pattern) is None


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("a{10}", "a{1000}"),
        ("(a{10}){10}", "(a{100}){100}"),
        (r"\w{50}", r"\p{L}{50}"),
        (r"\w{50}", r"\pL{50}"),
        ("[a-z]{50}", "[^a-z]{50}"),
        ("[a-z]{50}", r"[\p{L}]{50}"),
        ("a{50}", "(?i)a{50}"),
        ("a{2,50}", "a{2,500}"),
        ("(ab|c){1,5}", "(ab|c){1,50}"),
    ],
)
def test_repetition_and_large_classes_make_states(small: str, large: str) -> None:
    assert pattern_cost(large).states > 2 * pattern_cost(small).states


@pytest.mark.parametrize("pattern", [r"^[^/]{1,255}$", r"^.{0,2000}$", r"^[\p{L} '-]{1,100}$", "^a{1000}$"])
def test_a_pattern_that_can_be_in_one_place_only_is_quick_on_any_text(pattern: str) -> None:
    assert pattern_cost(pattern).active <= 20


@pytest.mark.parametrize("pattern", ["a.{300}c", "^.*a.{300}c", "^(.{0,30}){10}$", "^a{300}|b{300}$"])
def test_one_that_can_be_in_many_places_counts_them(pattern: str) -> None:
    assert pattern_cost(pattern).active >= 300


@pytest.mark.parametrize(
    "pattern", ["", "*", "{3}", "a{", "[", "[^", "(", ")", "\\", "a{99999999999999}", r"\p{"]
)
def test_any_text_gets_a_count(pattern: str) -> None:
    assert pattern_cost(pattern).states > 0
