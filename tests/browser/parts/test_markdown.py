"""A little Markdown becomes nodes, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.hostile import TEXTS
from tests.browser.modules import Module

_WRITE = """(module, text) => {
    const holder = document.createElement("div");
    holder.append(module.markdown(text));
    return holder.firstElementChild.innerHTML.replace(/<!--.*?-->/g, "").replace(/ class="text"/g, "");
}"""


@pytest.fixture
def markdown(pure: Callable[[str], Module]) -> Module:
    return pure("parts/markdown.js")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# One\n## Two", "<h3>One</h3><h4>Two</h4>"),
        ("a\nb\n\nc", "<p>a\nb</p><p>c</p>"),
        ("- one\n- two\n  more", "<ul><li>one</li><li>two\nmore</li></ul>"),
        ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
        ("> quoted\n> on", "<blockquote>quoted\non</blockquote>"),
        ("```py\n# *no*\n```\nx", "<pre># *no*</pre><p>x</p>"),
        ("```\nopen", "<pre>open</pre>"),
        ("**bold _both_** and *thin*", "<p><strong>bold <em>both</em></strong> and <em>thin</em></p>"),
        ("a_b_c and 2*3*4", "<p>a_b_c and 2*3*4</p>"),
        ("`*code*`", "<p><code>*code*</code></p>"),
        ("<b>no</b> &amp;", "<p>&lt;b&gt;no&lt;/b&gt; &amp;amp;</p>"),
        ("![x](https://a.example/x.png)", None),
        ("", ""),
    ],
)
def test_it_is_written_as(markdown: Module, text: str, expected: str | None) -> None:
    found = markdown.run(_WRITE, text)

    if expected is None:
        assert "<img" not in found
    else:
        assert found == expected


@pytest.mark.parametrize("target", ["https://a.example/?b=1", "http://a.example", "mailto:a@b.example"])
def test_a_link_leads_to_the_web(markdown: Module, target: str) -> None:
    assert f'href="{target}"' in markdown.run(_WRITE, f"[there]({target})")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "/ui/dead", "//evil.example", "file:///"]
)
def test_no_other_link_is_made(markdown: Module, target: str) -> None:
    assert "<a" not in markdown.run(_WRITE, f"[there]({target})")


def test_markup_of_strangers_makes_no_elements_of_its_own(markdown: Module) -> None:
    made = """(module, texts) => texts.flatMap((text) => {
        const holder = document.createElement("div");
        holder.append(module.markdown(text));
        return [...holder.querySelectorAll("*")].map((each) => each.localName);
    })"""

    found = set(markdown.run(made, list(TEXTS.values())))

    assert found <= {
        "div",
        "p",
        "h3",
        "h4",
        "ul",
        "ol",
        "li",
        "pre",
        "code",
        "em",
        "strong",
        "blockquote",
        "a",
    }
