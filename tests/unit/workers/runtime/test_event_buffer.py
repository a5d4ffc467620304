"""What handlers stream is collected into pieces, in order with what they log, and none of it is lost."""

from __future__ import annotations

import orjson

from workers.runtime.event_buffer import MOST_AT_ONCE, MOST_BYTES, MOST_WAITING, PIECE, EventBuffer, Line


def stream(buffer: EventBuffer, *texts: str) -> None:
    for text in texts:
        buffer.emit("node.token", {"text": text})


def shown(lines: list[Line]) -> list[tuple[str, str]]:
    """Type, and text or message, of each line."""
    found = []
    for _, type, data in lines:
        words = orjson.loads(data)
        found.append((type, words.get("text") or words.get("message") or words.get("reason")))
    return found


def everything(buffer: EventBuffer) -> list[Line]:
    """Send line after line until nothing is left."""
    sent: list[Line] = []
    while buffer.has_lines:
        part = buffer.waiting()
        sent += part
        buffer.confirm(part[-1][0])
    return sent


def test_small_pieces_are_one_event() -> None:
    buffer = EventBuffer()

    stream(buffer, "a", "b", "c")

    assert shown(buffer.waiting()) == [("node.token", "abc")]


def test_a_full_piece_does_not_wait() -> None:
    buffer = EventBuffer()

    stream(buffer, "x" * (PIECE + 10))

    assert [len(text) for _, text in shown(buffer.rest()[0])] == [PIECE, 10]


def test_pieces_are_numbered_from_the_beginning_of_the_stream() -> None:
    buffer = EventBuffer()

    stream(buffer, "x" * PIECE * 3)
    buffer.emit("stream.reset", {"reason": "repair"})
    stream(buffer, "y" * PIECE * 2)

    found = [(type, orjson.loads(data).get("index")) for _, type, data in everything(buffer)]
    assert found == [
        ("node.token", 0), ("node.token", 1), ("node.token", 2),
        ("stream.reset", None), ("node.token", 0), ("node.token", 1),
    ]  # fmt: skip


def test_what_was_streamed_before_a_line_stands_before_it() -> None:
    buffer = EventBuffer()

    stream(buffer, "before")
    buffer.emit("node.log", {"message": "line"})
    stream(buffer, "after")

    assert shown(buffer.waiting()) == [
        ("node.token", "before"), ("node.log", "line"), ("node.token", "after"),
    ]  # fmt: skip


def test_a_line_that_was_sent_and_not_confirmed_is_never_changed() -> None:
    buffer = EventBuffer()
    stream(buffer, "one")
    first = buffer.waiting()

    stream(buffer, "two")

    assert buffer.waiting()[:1] == first
    assert shown(buffer.waiting()) == [("node.token", "one"), ("node.token", "two")]


def test_however_fast_it_comes_no_text_is_dropped() -> None:
    buffer = EventBuffer()
    text = "".join(f"{number} " for number in range(200_000))

    for start in range(0, len(text), 7):
        stream(buffer, text[start : start + 7])
    for number in range(MOST_WAITING * 2):
        buffer.emit("node.log", {"message": f"line {number}"})

    sent = everything(buffer)
    assert "".join(words for type, words in shown(sent) if type == "node.token") == text
    # Lines are another matter: they are dropped, and it is said how many.
    assert any("dropped" in words for type, words in shown(sent) if type == "node.log")
    assert [number for number, _, _ in sent] == list(range(1, len(sent) + 1))


def test_the_rest_comes_in_parts_a_script_can_take() -> None:
    buffer = EventBuffer()
    stream(buffer, *("x" * PIECE for _ in range(MOST_AT_ONCE * 2 + 1)))

    parts = buffer.rest()

    assert [len(part) for part in parts] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]


def test_typed_events_are_never_dropped_however_many_lines_wait() -> None:
    buffer = EventBuffer()
    for number in range(MOST_WAITING):
        buffer.emit("node.log", {"message": f"line {number}"})

    for number in range(700):
        buffer.emit("node.event", {"value": number})
    buffer.emit("node.log", {"message": "dropped"})

    values = [orjson.loads(data)["value"] for _, type, data in everything(buffer) if type == "node.event"]
    assert values == list(range(700))
    assert buffer.event_bytes == 0


def test_large_events_are_sent_in_parts_that_one_script_can_write() -> None:
    buffer = EventBuffer()
    for _ in range(20):
        buffer.emit("node.event", {"value": "x" * 250_000})
    buffer.emit("node.event", {"value": "x" * MOST_BYTES})

    sizes = [[len(data) for _, _, data in part] for part in buffer.rest()]

    assert [len(part) for part in sizes] == [8, 8, 4, 1]
    assert buffer.waiting() == buffer.rest()[0]


def test_what_has_still_to_be_confirmed_is_known_by_its_number() -> None:
    buffer = EventBuffer()
    buffer.emit("node.event", {"value": 1})
    before = buffer.newest
    buffer.emit("node.log", {"message": "line"})

    assert (before, buffer.newest) == (1, 2)
    assert buffer.has_up_to(before)
    buffer.confirm(1)
    assert not buffer.has_up_to(before)
    assert buffer.has_up_to(2)


def test_events_that_are_let_go_leave_the_lines_between_them() -> None:
    buffer = EventBuffer()
    for type in ("node.log", "node.event", "node.log"):
        buffer.emit(type, {"message": type})

    buffer.drop_events()

    assert [(number, type) for number, type, _ in buffer.waiting()] == [(1, "node.log"), (3, "node.log")]
    assert buffer.event_bytes == 0


def test_what_is_not_unicode_is_another_character_and_halves_of_a_pair_are_one_again() -> None:
    buffer = EventBuffer()

    stream(buffer, "so: \ud83d", "\ude00", " \udc00!")
    buffer.emit("node.log", {"level": "info", "message": "\ud800", "data": {}})

    assert shown(buffer.waiting()) == [("node.token", "so: 😀 \ufffd!"), ("node.log", "\ufffd")]
