"""Workloads, floors and the driver that measures the engine beside them."""

import sdk_path  # noqa: F401  # `headrace` is found from here on
