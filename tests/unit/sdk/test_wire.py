"""The host's end of the socket to its worker."""

from __future__ import annotations

import socket
import threading

from headrace._frames import Frame, FrameReader
from headrace._wire import Wire


def test_a_long_frame_goes_out_whole_though_the_socket_does_not_block() -> None:
    ours, theirs = socket.socketpair()
    # As a loop leaves it that watches it.
    ours.setblocking(False)
    wire, body = Wire(ours), bytes(8 * 1024 * 1024)
    sending = threading.Thread(target=wire.send, args=({"type": "result", "id": 1}, body))
    sending.start()

    reader, frames = FrameReader(), list[Frame]()
    while not frames:
        frames += reader.feed(theirs.recv(65_536))

    sending.join()
    assert frames == [({"type": "result", "id": 1}, body)]
    ours.close()
    theirs.close()
