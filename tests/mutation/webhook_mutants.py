# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts of webhooks; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

WEBHOOKS = (
    *of(
        "deliver_webhook",
        ("a delivery is started twice", "if ledger then redis.call('SET', ledger,", "if false then redis.call('SET', ledger,"),
        ("a hook that was rotated is believed", "if hook[3] ~= tenant or hook[1] .. '.' .. hook[2] ~= ARGV[6] then", "if hook[3] ~= tenant then"),
        ("a hook answers for the one before it", "if made and hook_id == hook[1] then", "if made then"),
        ("a delivery that comes again is not counted", "  hooks.count(name, tenant, 'duplicate', execution_id, '')\n", ""),
        ("a paused workflow is started", "if workflow[1] ~= ARGV[9] or workflow[2] ~= '1' then", "if workflow[1] ~= ARGV[9] then"),
        ("another version is started", "if workflow[1] ~= ARGV[9] or workflow[2] ~= '1' then", "if workflow[2] ~= '1' then"),
        ("a disabled tenant starts", "if is_disabled then return {'moved', execution_id, 0} end", ""),
        ("an accepted delivery is not counted", "hooks.count(name, tenant, 'accepted', '', '')", ""),
        ("it stands in no list", "enlist(x, tenant)\n", ""),
    ),
    *of(
        "register_webhook",
        ("a path is given twice", "  if before[2] then return answer_with('taken') end\n", ""),
        ("a request makes two hooks", "if idempotency then\n  local hook_id", "if false then\n  local hook_id"),
        ("a late change undoes another", "elseif before[4] ~= tenant or before[3] .. '.' .. before[2] ~= ARGV[5] then", "elseif before[4] ~= tenant then"),
        ("another tenant's hook is changed", "elseif before[4] ~= tenant or before[3] .. '.' .. before[2] ~= ARGV[5] then", "elseif before[3] .. '.' .. before[2] ~= ARGV[5] then"),
        ("a hook has any number of secrets", "if breaks >= hooks.most_secrets then", "if false then"),
    ),
    *of(
        "include/hooks",
        ("a secret that comes with a document is lost", "if ARGV[at + 6] ~= '' or before[1] and", "if before[1] and"),
        ("a door does not own what it writes", "if ARGV[at + 5] ~= '' then", "if false then"),
        ("a workflow has any number of hooks", "if count >= hooks.most_of_workflow or", "if false or"),
        ("a hook comes from no workflow", "  if not values[1] then return 'unknown' end\n", ""),
        ("a removed hook is listed", "  redis.call('ZREM', rare_key.hooks(values[1]), name)\n", ""),
        ("a removed workflow leaves its hooks", "    if values[1] == tenant and values[2] == workflow_id then hooks.remove(name) end\n", ""),
        ("a delivery sent again counts again", "    if is_known_call(counted, call) then return end\n", ""),
        ("a duplicate is not accepted", "    redis.call('HINCRBY', key, 'accepted', 1)\n", ""),
    ),
    *of("register_workflow", ("a secret alone changes nothing", "local is_same = not has_secrets", "local is_same = true")),
    *of("remove_webhook", ("another tenant's hook is removed", "if values[1] ~= ARGV[3] then return 'ok' end", "if not values[1] then return 'ok' end")),
)  # fmt: skip
