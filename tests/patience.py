"""How long a test waits for what is meant to happen, before it counts as never happening."""

#: Guards against hanging and nothing else: no test passes or fails by how fast the machine is.
#: Below the time limit of pytest, so that a failure shows what was waited for.
PATIENCE_S = 90.0
