"""Multi-tenant automation under `/api`: workflows of steps, started by hand, by webhooks and by cron."""

from api.dialects.automation.calls import ONCE, OWNERS
from api.dialects.automation.failures import write_failure
from api.dialects.automation.router import router
from api.dialects.automation.rules import NAME, rules_from
from api.dialects.automation.schemas import ErrorDocument
from api.dialects.dialect import Dialect


def _is_path(path: str) -> bool:
    first, *rest = path.removeprefix("/").split("/")
    # Below `/api/v1` is another door.
    return first == "api" and rest[:1] != ["v1"]


DIALECT = Dialect(
    name=NAME,
    router=router,
    owners=OWNERS,
    is_path=_is_path,
    write_failure=write_failure,
    failure_model=ErrorDocument,
    needs_key=True,
    once=ONCE,
    rules_from=rules_from,
)
