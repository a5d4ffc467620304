"""Bounds what a request waits for the store, so that an outage is answered while its client still listens."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clients.waiting import WaitBudget

#: Of one request, all its questions to the store together.
STORE_WAIT_S = 8.0


class StoreTime:
    """Give every request its time. The bound is lifted where an answer begins: a stream has none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        budget = WaitBudget(STORE_WAIT_S)

        async def send_and_lift(message: Message) -> None:
            budget.lift()
            await send(message)

        with budget.applied():
            await self._app(scope, receive, send_and_lift)
