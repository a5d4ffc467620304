"""Workers claim tasks, run handlers and report what came of them."""

import sdk_path  # noqa: F401  # `headrace` is found from here on
