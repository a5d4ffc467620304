"""Ports that tests keep for the servers they are meant for."""

from __future__ import annotations

import os
import socket
import weakref


class HeldPort:
    """A port of this machine that is given to no other process until it is closed, or forgotten.

    It is bound and not listened on, so that a server which sets SO_REUSEADDR, as all of ours do, can open it,
    and open it again; what asks the system for any free port gets another one.
    """

    def __init__(self) -> None:
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", 0))
            self.number: int = holder.getsockname()[1]
            self.close = weakref.finalize(self, os.close, holder.detach())
