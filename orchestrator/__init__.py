"""The engine: the language and rules (pure), the store, the verbs, the loops that notice due ones."""

import sdk_path  # noqa: F401  # `headrace` is found from here on
