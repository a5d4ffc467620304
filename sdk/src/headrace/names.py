"""What names of nodes, handlers, events and the like are made of."""

from __future__ import annotations

import re

ID_RULE = "letters, digits, '_', '.' and '-', at most 128"
is_id = re.compile(r"[A-Za-z0-9_.\-]{1,128}").fullmatch
