"""Templates of the door mean the same in ours; only one name is another."""

from __future__ import annotations

from typing import Any, SupportsIndex

import pytest

from api.dialects.automation.templates import compile_templates, compile_tokens

CRON = "('cron' if trigger.source == 'schedule' else trigger.triggered_by)"


@pytest.mark.parametrize(
    "value",
    [
        "{{ steps.fetch.output.body.name }}",
        "{{ trigger.payload.triggered_by }}",
        "triggered_by is a word",
        "{{ x.trigger.triggered_by }}",
        "{{ x . trigger.triggered_by }}",
        "{{ trigger.payload ~ triggered_by }}",
        "${#x} {{ trigger.payload.x }} {# no comment #}",
        7,
        None,
    ],
)
def test_what_means_the_same_stays_as_it_is(value: Any) -> None:
    assert compile_templates(value) == value


@pytest.mark.parametrize(
    ("text", "compiled"),
    [
        ("{{ trigger.triggered_by }}", f"{{{{ {CRON} }}}}"),
        ("{{trigger . triggered_by|upper}}", f"{{{{{CRON}|upper}}}}"),
        ("{{ trigger trigger.triggered_by }}", f"{{{{ trigger {CRON} }}}}"),
        (
            "{{ trigger.triggered_by }}: {{ trigger.payload.x }} {% if trigger.triggered_by %}y{% endif %}",
            f"{{{{ {CRON} }}}}: {{{{ trigger.payload.x }}}} {{% if {CRON} %}}y{{% endif %}}",
        ),
    ],
)
def test_what_has_started_it_is_known_by_our_name(text: str, compiled: str) -> None:
    assert compile_templates(text) == compiled
    assert compile_templates({"{{ trigger.triggered_by }}": [text]}) == {f"{{{{ {CRON} }}}}": [compiled]}


class _Counted(list[tuple[str, str]]):
    """Counts the tokens that are taken out of it."""

    taken = 0

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        found = super().__getitem__(place)
        self.taken += len(found) if isinstance(place, slice) else 1
        return found


@pytest.mark.parametrize("gap", ["", "   "])
def test_twice_as_many_words_are_twice_the_work(gap: str) -> None:
    def work(words: int) -> int:
        word = [("name", "trigger"), ("whitespace", gap or " "), *[("operator", ".")] * bool(gap)]
        tokens = _Counted(word * words)
        compile_tokens(tokens)
        return tokens.taken

    assert work(2_000) <= 2.1 * work(1_000)
