# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts of tenants and their keys; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

TENANTS = (
    *of(
        "create_tenant",
        ("a name is given twice", "if calls or tenant == 'default' then return {'taken', tenant} end", ""),
        ("default is given away", "if calls or tenant == 'default' then", "if calls then"),
        ("a request registers two tenants", "if idempotency then redis.call('SET', idempotency,", "if false then redis.call('SET', idempotency,"),
    ),
    *of("change_tenant", ("a tenant comes from nothing", "if redis.call('EXISTS', KEYS[1]) == 0 then return 'unknown' end", "")),
    *of(
        "create_api_key",
        ("a request makes two keys", "if idempotency then\n  redis.call('SET'", "if false then\n  redis.call('SET'"),
        ("keys are made for nobody", "if tenant ~= 'default' and redis.call('EXISTS', rare_key.tenant(tenant)) == 0 then", "if false then"),
        ("a tenant has any number of keys", "if redis.call('ZCARD', ids) >= 100 then", "if false then"),
        ("what has expired counts", "if redis.call('EXISTS', rare_key.api_key(id)) == 0 then redis.call('ZREM', ids, id) end", ""),
        ("another tenant's key is rotated", "if old[1] ~= tenant then return {'gone', '', '', 0} end", ""),
        ("a rotated key goes on for ever", "if not old[2] or tonumber(old[2]) > until_ms then", "if false then"),
        ("a rotation makes a key last longer", "if not old[2] or tonumber(old[2]) > until_ms then", "if true then"),
        ("a key does not expire", "if ARGV[8] ~= '' then expire(key_id, ARGV[8]) end", ""),
    ),
    *of("revoke_api_key", ("another tenant's key is revoked", "if redis.call('HGET', KEYS[1], 'tenant') ~= ARGV[3] then return 'unknown' end", "")),
    *of(
        "take_rate",
        ("a window never ends", "local is_same = values[1] == start", "local is_same = values[1]"),
        ("a call sent again counts", "if not is_known_call(calls, ARGV[5]) then", "if true then"),
        ("a rate has one more", "if taken < most then", "if taken <= most then"),
        ("what was counted stays", "redis.call('PEXPIRE', KEYS[1], window_ms)", ""),
    ),
    *of("use_api_key", ("a use brings a revoked key back", "if redis.call('HEXISTS', KEYS[1], 'digest') == 0 then return 'unknown' end", "")),
)  # fmt: skip
