"""Warnings about valid definitions that are probably mistakes. Pure.

Reachability is an abstract interpreter of trigger rules, branches and catches (`outcomes`, `reachability`,
`constants`, `witness`), bounded by `budget`. It proves that a node can never run, and that a reference can
never be there: such a warning is true whatever handlers answer. It does not prove the contrary. For a
reference that may be missing, `witness` must find a run in which it is; without one there is no warning.

Not judged: data of one execution, workers, the time of day, and manual overrides by operators.

The interpreter is frozen. It follows the trigger rules, which it reads from `trigger_rules`, and is corrected
where it is wrong. New warnings do not extend it: they read the definition, or ask `Reachability` for what it
already computes. Only `operations/definitions.py` imports this package.
"""
