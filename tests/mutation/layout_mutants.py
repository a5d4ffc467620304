# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in what keeps the static layouts of definitions; see mutants.py."""

from __future__ import annotations

from tests.mutation.mutant import Mutant, of

LAYOUTS: tuple[Mutant, ...] = (
    *of(
        "include/layouts",
        ("a start does not count", "row_of(tenant, digest), 1) == 1 then", "row_of(tenant, digest), 0) == 1 then"),
        ("the last purge lets nothing go", "redis.call('ZADD', rare_key.unused_layouts(), NOW_TEXT, row_of(tenant, digest))\nend", "return\nend"),
        ("the first of two purges lets it go", "if tonumber(count) > 1 then", "if tonumber(count) > 2 then"),
        ("a layout goes at once", "if since_ms + age_ms > NOW then return false end", ""),
        ("a layout goes though it is counted again", "if redis.call('HEXISTS', rare_key.layouts(), row) == 1 then return false end", ""),
        ("a layout that nobody counted stays for ever", "    redis.call('ZADD', rare_key.unused_layouts(), NOW_TEXT, row_of(tenant, digest))\n  end", "  end"),
        ("what is rebuilt takes new starts", "'whole') == '1' end", "'whole') end"),
    ),
    *of(
        "include/slices",
        ("a start that names a layout in vain goes on", "return not layouts.is_known(tenant, at) and 'layout_needed' or nil", "return nil"),
        ("what is staged holds no layout", "    layouts.hold(tenant, at)\n    redis.call('HSET', runtime, 'layout'", "    redis.call('HSET', runtime, 'layout'"),
        ("a parent cannot see its child in the same call", "if parent or last - first > CHUNK", "if last - first > CHUNK"),
        ("starting points beyond the first list are lost", "if parent or last - first > CHUNK or", "if parent or"),
        ("what is staged counts twice", "if is_whole then layouts.hold(tenant, at) else redis.call", "layouts.hold(tenant, at) if not is_whole then redis.call"),
    ),
    *of(
        "include/base",
        ("a start that fails leaves no runtime", "  x.is_changed = true\n  OPEN[execution_id] = x\n", "  OPEN[execution_id] = x\n"),
        ("a node that has begun is written as it was", "status, unit.is_moved = unit.status or status, false", "unit.is_moved = false"),
    ),
    *of("include/purge", ("a purge counts on", "  layouts.let_go(values[4] or 'default', values[5])\n", "")),
    *of("stage_layout", ("a part makes it whole", "~= tonumber(ARGV[5]) then return 'lost' end", "~= tonumber(ARGV[5]) then end")),
    *of("start_child", ("a child that was given up is started", "elseif slices.lacks(child_id, tenant, 20) then", "elseif false then")),
    *of(
        "include/plans",
        ("plans of one definition are those of all", "function plans.of(digest) return digest and PLANS[digest] or {} end", "function plans.of(digest) local _, kept = next(PLANS) return kept or {} end"),
        ("nothing is kept", "  x.plans[id], PLANS_COUNT = plan, PLANS_COUNT + 1\n", ""),
        ("what is lost is nothing", "if not values[1] then fail_without_layout(x) end", ""),
    ),
)  # fmt: skip
