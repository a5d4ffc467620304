"""Every call of this door: tenants, workflows, executions, metrics and health."""

from api.dialects.automation import account_calls, execution_calls, workflow_calls
from api.dialects.automation.calls import router

__all__ = ["account_calls", "execution_calls", "router", "workflow_calls"]
