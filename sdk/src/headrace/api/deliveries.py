"""Messages about ends of executions: list them, read one, send one again."""

from __future__ import annotations

from headrace.calls import (
    Pages,
    Part,
    Steps,
    Way,
    each_of,
    get,
    get_pages,
    given,
    listing,
    operation,
    path_of,
    post_once,
)
from headrace.records import Delivery


class Deliveries(Part[Way]):
    """`client.deliveries`."""

    @listing
    def list(
        self, *, limit: int | None = None, execution_id: str | None = None, state: str | None = None
    ) -> Pages[Delivery]:
        """Deliveries, those of the newest ends first.

        execution_id  only those about its ends; its key will do.
        state         pending, delivered, failed or gone.
        """
        query = given(execution_id=execution_id, state=state)
        return each_of(get_pages(path_of("deliveries"), query, limit=limit), Delivery.from_dict)

    @operation
    def get(self, delivery_id: str) -> Steps[Delivery]:
        """One delivery with its last attempts."""
        return Delivery.from_dict((yield from get(path_of("deliveries", delivery_id))))

    @operation
    def resend(self, delivery_id: str, *, idempotency_key: str | None = None) -> Steps[Delivery]:
        """Send it now, whatever became of it, under the same message id.

        Sends an Idempotency-Key; a caller's own lets the call be repeated.
        """
        path = path_of("deliveries", delivery_id, "resend")
        return Delivery.from_dict((yield from post_once(path, {}, idempotency_key)).document)
