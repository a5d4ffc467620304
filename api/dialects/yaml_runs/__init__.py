"""Workflows written in YAML as steps that run one after the other, with runs that wait, queue and stream."""

from api.dialects.dialect import Dialect
from api.dialects.yaml_runs.reader import StepsReader
from api.dialects.yaml_runs.rendering import NAME, write_failure
from api.dialects.yaml_runs.router import DEMO_PATH, PREFIX, router
from api.dialects.yaml_runs.schemas import YamlFailure
from api.owners import RouteOwner

DIALECT = Dialect(
    name=NAME,
    router=router,
    owners={
        "yaml_runs_create": RouteOwner.ADMIN,
        "yaml_runs_delete": RouteOwner.ADMIN,
        "yaml_runs_workflows": RouteOwner.READ,
        "yaml_runs_workflow": RouteOwner.READ,
        "yaml_runs_trigger": RouteOwner.RUN,
        "yaml_runs_execute": RouteOwner.RUN,
        "yaml_runs_execute_async": RouteOwner.RUN,
        "yaml_runs_demo": RouteOwner.RUN,
        "yaml_runs_list": RouteOwner.READ,
        "yaml_runs_get": RouteOwner.READ,
        "yaml_runs_stream": RouteOwner.READ,
    },
    is_path=lambda path: path in (DEMO_PATH, PREFIX) or path.startswith(f"{PREFIX}/"),
    write_failure=write_failure,
    failure_model=YamlFailure,
    definition_paths=frozenset({f"{PREFIX}/workflows"}),
    readers=(StepsReader(),),
    once=frozenset(f"yaml_runs_{call}" for call in ("create", "execute", "execute_async", "demo", "trigger")),
)
