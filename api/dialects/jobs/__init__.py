"""Jobs: `POST /workflow/run` takes steps of three ops, `GET /status/{job_id}` shows how far they are."""

from api.dialects.dialect import Dialect
from api.dialects.jobs.rendering import NAME, write_failure
from api.dialects.jobs.router import RUN_PATH, STATUS_PATH, router
from api.dialects.jobs.schemas import JobFailure
from api.owners import RouteOwner

DIALECT = Dialect(
    name=NAME,
    router=router,
    owners={"jobs_run": RouteOwner.RUN, "jobs_status": RouteOwner.READ},
    is_path=lambda path: path == RUN_PATH or path.startswith(STATUS_PATH),
    write_failure=write_failure,
    failure_model=JobFailure,
    definition_paths=frozenset({RUN_PATH}),
    once=frozenset({"jobs_run"}),
)
