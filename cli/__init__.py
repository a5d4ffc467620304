"""The command line: commands by subject (commands), the local stack (stack), and what is printed (output).

The CLI starts the engine's processes and talks to their API; it never imports them. Heavy imports stay inside
the functions that need them, because `./headrace --help` and the start of the stack should feel immediate.
"""

import sdk_path  # noqa: F401  # `headrace` is found from here on
