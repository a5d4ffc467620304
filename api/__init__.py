"""The native HTTP API: parse a request, call one verb of the engine, render its answer."""

import sdk_path  # noqa: F401  # `headrace` is found from here on
