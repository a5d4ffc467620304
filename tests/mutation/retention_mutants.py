# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in what becomes of executions that have ended; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

RETENTION = (
    *of(
        "include/settle",
        ("an end is not listed", "  redis.call('ZADD', rare_key.ended(), 'NX', NOW_TEXT, x.id)\n", ""),
        ("the day is that of the last end", "rare_key.ended(), 'NX', NOW_TEXT", "rare_key.ended(), NOW_TEXT"),
    ),
    *of(
        "include/retention",
        ("what runs again is counted", "if status == 'PENDING' or not may_leave('execution', 'purge_execution', status) then", "if false then"),
        ("the day of the first end is lost", "if not folded then redis.call('HSET', x.runtime, 'folded', string.format('%d - 0', day)) end", ""),
        ("a retry counts twice", "if old_status then add(changes, -1", "if false then add(changes, -1"),
        ("a retry mixes two counts", "if generation ~= x.generation then chunk, so_far = 0, '' end", "if not generation then chunk, so_far = 0, '' end"),
        ("what a fork has kept is counted", "and not reused[i] and", "and"),
        ("the output of the whole is a node", " and ids[i] ~= '$output'", ""),
        ("skipped nodes are counted", "and (status == 'COMPLETED' or status == 'FAILED') then", "then"),
        ("failures are not told apart", "(status == 'FAILED' and 1 or 0)", "0"),
        ("a count has no end", "until not line or looked_at >= retention.nodes", "until not line"),
        ("a part is counted again", "x.generation .. string.format(' %d ', chunk) .. text", "x.generation .. ' 0 ' .. text"),
        ("what was counted is forgotten", "  redis.call('HSET', x.runtime, 'folded', string.format('%d %s %d ', day, status, ms) .. text)\n", ""),
        ("a call sent again counts again", "  pack_events(x)\n  redis.call('ZREM', rare_key.ended(), id)\n", "  pack_events(x)\n"),
        ("a history that goes on for long is copied", "if x.seq > retention.packed_events then return end", "if x.seq <= retention.packed_events then return end"),
        ("what was counted stays for ever", "  redis.call('ZADD', rare_key.expiring(), ended_ms or NOW_TEXT, id)\n", ""),
        ("a day that has gone comes back", "if NOW - day * DAY_MS >= KEPT_DAYS * DAY_MS then return end", ""),
        ("statistics never go", "  if is_new then redis.call('PEXPIRE', key, KEPT_DAYS * DAY_MS) end\n", ""),
    ),
    *of(
        "expire_execution",
        ("an expiry sent again finds nothing", "if redis.call('HGET', rare_key.remains(id), 'purged_by') == ARGV[3] then return {'ok', 0} end", ""),
        ("a retried one expires", "not may_leave('execution', 'purge_execution', status)", "false"),
        ("one expires uncounted", "or redis.call('ZSCORE', rare_key.ended(), id) or", "or"),
        ("a child expires before its root", " or retention.parent_of(id) then", " then"),
        ("a definition's own words are not read", "for word in string.gmatch(values[3] or '', '%S+') do own[#own + 1] = word end", ""),
        ("one being cancelled expires half-way", "if due <= NOW and status == 'PENDING'", "if false and status == 'PENDING'"),
        ("one expires before its time", "if due > NOW then", "if false then"),
        ("one that was told later comes every second", "  redis.call('ZADD', rare_key.expiring(), string.format('%d', due), id)\n", ""),
    ),
    *of(
        "create_execution",
        ("what is never started stays for ever", "  redis.call('ZADD', rare_key.expiring(), NOW_TEXT, execution_id)\n", ""),
    ),
    *of(
        "include/purge",
        ("a purged one waits to expire", "  redis.call('ZREM', rare_key.expiring(), id)\n", ""),
        ("children go uncounted", "local nodes, is_counted = retention.fold(child_id)", "local nodes, is_counted = 0, true"),
        ("children that are counted in part are passed over", "if not is_counted then return i - 1, counted, true end", "if not is_counted then return i, counted, true end"),
    ),
    *of("purge_execution", ("a purge takes what nobody has counted", "if not is_counted then return {'counting', ''} end", "")),
    *of("retry_execution", ("a retried one is on its way out", "redis.call('ZREM', rare_key.expiring(), x.id)\n", "")),
)  # fmt: skip
