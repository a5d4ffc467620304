# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in deliveries; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

DELIVERIES = (
    *of("include/settle", ("an end makes no deliveries", "  if x.notifies then deliveries.plan(x, status) end\n", "")),
    *of(
        "include/deliveries",
        ("a delivery is never due", "      redis.call('ZADD', rare_key.deliveries_due(), NOW_TEXT, id)\n", ""),
        ("a delivery is on no list", "      redis.call('ZADD', rare_key.deliveries(tenant), NOW_TEXT, id)\n", ""),
        ("an execution does not know its deliveries", "      redis.call('RPUSH', rare_key.deliveries_of(x.id), id)\n", ""),
        ("the log of a tenant grows for ever", "  if surplus < 1 then return end\n", "  if true then return end\n"),
        ("a purged delivery is kept", "  if is_purged then return remove(id, tenant) end\n", ""),
        ("a purge forgets what was not delivered", "    if values[1] == 'pending' then\n", "    if false then\n"),
        ("a purge leaves what was delivered", "    elseif values[1] then\n      remove(id, values[2])\n", ""),
    ),
    *of("include/purge", ("deliveries outlive their execution", "  local forgotten = deliveries.forget_some(id)\n", "  local forgotten = 0\n")),
    *of(
        "claim_delivery",
        ("a claim sent again is refused", "if values[3] == ARGV[4] then return {'ok', values[4], tonumber(values[6])} end\n", ""),
        ("what has ended is sent", "if values[1] ~= 'pending' then return {'ended', '', 0} end\n", ""),
        ("two make the same attempt", "if tonumber(values[2]) > NOW or values[5] == ARGV[4] then", "if values[5] == ARGV[4] then"),
        ("a late claim begins again", "if tonumber(values[2]) > NOW or values[5] == ARGV[4] then", "if tonumber(values[2]) > NOW then"),
        ("each attempt sends something else", "if not values[4] then redis.call", "if true then redis.call"),
        ("a claim is lost with its process", "redis.call('ZADD', rare_key.deliveries_due(), due_ms, id)", "redis.call('ZREM', rare_key.deliveries_due(), id)"),
    ),
    *of(
        "record_delivery",
        ("an attempt is recorded twice", "if values[2] == ARGV[4] then return 'ok' end\n", ""),
        ("a late attempt is recorded", "if not values[1] or values[1] ~= ARGV[4] then return 'stale' end", "if not values[1] then return 'stale' end"),
        ("attempts are kept for ever", "redis.call('HDEL', record, 'attempt|' .. string.format('%d', number - deliveries.shown))\n", ""),
        ("what is tried again is never due", "  redis.call('ZADD', rare_key.deliveries_due(), due_ms, id)\n", ""),
        ("tries are not counted", "'tries', string.format('%d', values[4] + 1)", "'tries', '0'"),
    ),
    *of(
        "resend_delivery",
        ("another tenant's delivery is sent again", "if values[1] ~= ARGV[4] then return 'unknown' end\n", "if not values[1] then return 'unknown' end\n"),
        ("a request sends twice", "if is_known_call(values[2], ARGV[5]) then return 'ok' end\n", ""),
        ("a resend meets an attempt under way", "if values[3] == 'pending' and values[4] ~= '' and tonumber(values[5]) > NOW then return 'ok' end\n", ""),
        ("what is sent again counts as ended", "redis.call('ZREM', rare_key.deliveries_ended(ARGV[4]), id)\n", ""),
        ("a resend goes on with the old rhythm", "'state', 'pending', 'tries', '0',", "'state', 'pending',"),
    ),
)  # fmt: skip
