# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts of child executions; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

CHILDREN = (
    *of(
        "start_child",
        ("a child is started in a cancel", "if is_ending(x, node_id) then", "if false then"),
        ("a child may be one level too deep", "elseif depth > tonumber(ARGV[15]) then", "elseif depth > tonumber(ARGV[15]) + 1 then"),
        ("a child counts as a root", "x.id .. ' ' .. node_id, depth)", "x.id .. ' ' .. node_id, 0)"),
        ("a child is not listed", "  redis.call('RPUSH', children_key(x.id), child_id .. ' ' .. node_id)", ""),
        ("a unit does not know its child", "  set_rare(x, 'child|' .. node_id, child_id)", "  set_rare(x, 'rare', '1')"),
        ("a child is of another tenant", "create(child_id, tenant,", "create(child_id, 'default',"),
        ("one that is not waited for is waited for", "if facts.detached then", "if false then"),
        ("a child is not started", "  start(child, '', '')", ""),
    ),
    *of(
        "await_child",
        ("an end that came meanwhile is missed", "if not is_live(child_id) then", "if false then"),
        ("a cancel is forgotten for a unit that comes to wait", "elseif is_ending(x, node_id) then", "elseif false then"),
        ("an execution ends twice with its child", "  x.is_settling = true\n", ""),
        ("whatever ends is what was waited for", "local resume = ARGV[15] == '1' and LOOK_AGAIN or nil", "local resume = nil"),
    ),
    *of(
        "include/children",
        ("abandon is not kept", "if policy == 'abandon' or not is_live(child_id) then return end", "if not is_live(child_id) then return end"),
        ("terminate gives a grace", "if policy == 'terminate' then", "if false then"),
        ("a child's grace is not its parent's", "elseif x.cancelling == 'user' then", "elseif false then"),
        ("fail_fast cancels what runs in a child", "elseif x.cancelling == 'fail_fast' and not is_over then", "elseif false then"),
        ("a unit ends before its child", "return facts.child == 'request_cancel' and not is_kill and is_live(values[2])", "return false"),
        ("a kill waits for the child", "and not is_kill and is_live(values[2])", "and is_live(values[2])"),
        ("what a unit waited for is not told", "    redis.call('HSET', x.runtime, 'resume|' .. unit, '{\"child\":\"' .. child_id .. '\",\"status\":\"' .. status .. '\"}')", ""),
        ("making use of a child's end is a try", "  uncharge(x, unit)", ""),
        ("children are closed in one generation only", "return redis.call('HGET', x.runtime, 'closed') ~= x.generation", "return not redis.call('HGET', x.runtime, 'closed')"),
        ("a parent that completes closes its children", "if x.children == 0 or not (x.cancelling or x.failed > 0) then return false end", "if x.children == 0 then return false end"),
        ("only the first children are closed", "if #entries < CHILDREN_IN_A_TURN then", "if true then"),
        ("any unit of that name is woken", " or on ~= 'child' then return end", " then return end"),
    ),
    *of("retry_node", ("a mapped node forgets its items when it is tried again", "if facts.child and (index or not facts.map) then", "if facts.child then")),
    # What children share with executions that nobody's node started.
    *of(
        "include/slices",
        ("a new execution is not listed", "redis.call('ZADD', row, NOW_TEXT, x.id)", ""),
        ("a workflow lists nothing", "if workflow_id then rows[2] = rare_key.workflow_index(tenant, workflow_id) end", ""),
        ("a label lists nothing", "rows[#rows + 1] = rare_key.label_index(tenant, digest)", ""),
    ),
    *of(
        "include/children",
        ("a grace never ends", "redis.call('ZADD', timers_key(), due_ms, member)", "redis.call('ZSCORE', timers_key(), member)"),
        ("without a grace nobody is killed", "    push(x, 'kill 0')\n  end\nend", "  end\nend"),
    ),
    *of("include/settle", ("a child's end is not told", "  if x.parent then notify_parent(x, status) end", "")),
    *of("include/children", ("a child outlives the node that waits for it", "  if child_id then close_child(x, child_id, facts.child, true, why) end", "")),
    *of("repair_execution", ("a repair ends an execution twice", "x.is_settling = true\n", "")),
    *of("retry_execution", ("a child is begun again for nobody", "if parent_id then", "if false then")),
    *of("retry_node_now", ("a wait for a child is retried now", " or on == 'child' or not on then", " or not on then")),
)  # fmt: skip
