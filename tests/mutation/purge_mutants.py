# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in how executions go; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

PURGES = (
    *of("purge_staging", ("a visible execution is purged", "if redis.call('EXISTS', status_key(ARGV[2])) == 1 then", "if false then")),
    *of(
        "purge_execution",
        ("a call sent again finds nothing", "if redis.call('HGET', rare_key.remains(id), 'purged_by') == ARGV[3] then return {'ok', ''} end", ""),
        ("a child goes without its root", "if root ~= id then return {'child', root} end", ""),
        ("what runs is purged", "if not may_leave('execution', 'purge_execution', status) then", "if false then"),
        ("a cancel is cut off half-way", "if status == 'PENDING' and values[2] and values[2] ~= '' then", "if false then"),
    ),
    *of(
        "include/purge",
        ("a hidden execution is listed", "  for _, row in ipairs(index_rows(tenant, values[5], values[6])) do redis.call('ZREM', row, id) end\n", ""),
        ("a key replays what is gone", "  forget_request(id, tenant, values[2])\n", ""),
        ("a day holds for ever what nobody will use", "    budget.write_off(member)\n", ""),
        ("late calls find the runtime", "redis.call('RENAME', runtime, remains)", "redis.call('COPY', runtime, remains)"),
        ("a child that runs is purged", "if may_leave('execution', 'purge_execution', status) then", "if true then"),
        ("a child keeps a parent that is gone", "    redis.call('HDEL', runtime_key(child_id), 'parent')\n", ""),
        ("children are left", "      purge.hide(child_id, '')\n", ""),
        ("the dead stay on their list", "    in_parts('XDEL', entries, rare_key.dead(tenant))\n", ""),
        ("an execution is listed as purged for ever", "  redis.call('UNLINK', remains, children_key(id))\n  redis.call('ZREM', rare_key.purging(), id)\n", "  redis.call('UNLINK', remains, children_key(id))\n"),
    ),
    *of("include/purge", ("a late copy makes it again", "status_key(id), rare_key.remains(id)) > 0", "status_key(id)) > 0")),
    *of("stage_execution", ("a staged slice is forgotten", "redis.call('ZADD', rare_key.staging(), 'NX', NOW, ARGV[2])", "")),
)  # fmt: skip
