"""Documented contracts of other systems, each a folder of thin adapters over the one engine.

A folder has `router` (the calls), `schemas` (what they take and give), `lowering` (their documents to our
definitions) and `rendering` (our views and events to theirs). None knows another, none knows the store, and
none has logic that the engine lacks. To take one away, delete its folder and its row.
"""

from api.dialects import workflow_server
from api.dialects.dialect import Dialect

#: A row for each.
DIALECTS: tuple[Dialect, ...] = (workflow_server.DIALECT,)
