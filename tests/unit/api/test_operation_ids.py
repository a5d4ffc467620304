"""Operation ids: what clients are generated from."""

from __future__ import annotations

from api.dialects import DIALECTS
from docs import generate

#: Operation ids are names that clients are generated from: they never change.
OPERATIONS = frozenset(
    {
        "context_get", "identity_get", "keys_create", "keys_list",
        "keys_revoke", "keys_rotate", "session_close",
        "session_open", "tenants_change", "tenants_create", "tenants_get", "tenants_keys_create",
        "tenants_keys_list", "tenants_keys_revoke", "tenants_list",
        "approvals_get", "approvals_list", "executions_decide", "executions_signal",
        "executions_inbox", "executions_journal", "executions_post",
        "schedules_backfill", "schedules_backfill_stop", "schedules_create", "schedules_delete",
        "schedules_get", "schedules_list", "schedules_next", "schedules_pause", "schedules_preview",
        "schedules_put",
        "schedules_resume", "schedules_trigger",
        "tenants_keys_rotate", "workflows_change",
        "deliveries_get", "deliveries_list", "deliveries_resend",
        "dead_drop", "dead_list", "dead_requeue", "definitions_simulate", "definitions_validate",
        "executions_attempts", "executions_history",
        "executions_cancel", "executions_children", "executions_pause", "executions_resume",
        "executions_node_complete", "executions_node_explain", "executions_node_fail",
        "executions_node_retry", "executions_node_skip",
        "executions_create", "executions_definition", "executions_events", "executions_explain",
        "executions_feed",
        "executions_fork", "executions_get", "executions_items", "executions_list", "executions_node",
        "executions_node_output", "executions_output", "executions_purge",
        "executions_replay", "executions_results", "executions_retry", "executions_trigger", "handlers_list",
        "health_get", "livez_get", "metrics_get", "queues_list", "readyz_get", "statistics_get", "usage_get",
        "workers_list",
        "workflows_create", "workflows_delete", "workflows_get", "workflows_list", "workflows_pause",
        "workflows_put", "workflows_resume", "workflows_source", "workflows_start", "workflows_version",
        "workflows_versions",
        "webhooks_change", "webhooks_create", "webhooks_delete", "webhooks_get", "webhooks_list",
        "webhooks_receive", "webhooks_rotate", "webhooks_test",
        "workflow_results", "workflow_status", "workflow_submit", "workflow_trigger",
    }
)  # fmt: skip


def test_operation_ids_are_unique_and_stay() -> None:
    operations = [
        operation["operationId"]
        for path in generate.openapi()["paths"].values()
        for operation in path.values()
    ]

    assert len(operations) == len(set(operations))
    assert frozenset(operations) == OPERATIONS.union(*(dialect.owners for dialect in DIALECTS))
