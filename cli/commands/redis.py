"""`./headrace redis ARGS…`: a redis-cli for machines that have none."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from cli.commands.api_call import ExitCode
from cli.stack import info

#: Replies redis-cli prints bare. The client does not tell a status from a string of the same letters.
STATUS_REPLIES = (b"OK", b"PONG", b"Background append only file rewriting started")

#: Commands whose reply is a text of several lines, which redis-cli prints as it is.
TEXT_REPLIES = ("INFO", "LOLWUT")


def redis(context: typer.Context) -> None:
    """Send one command to the stack's Redis.

    To no other: without a stack it needs REDIS_URL or REDIS_HOST.
    """
    if not context.args or context.args in (["--help"], ["-h"]):
        typer.echo(
            "usage: ./headrace redis COMMAND [ARGUMENT]…      e.g. ./headrace redis XRANGE workflow:tasks - +"
        )
        raise typer.Exit(0 if context.args else 2)
    # Here and not above: importing the client takes half a second.
    import redis as redis_py
    from redis.exceptions import RedisError, ResponseError

    from cli.stack.redis_faults import cure_for
    from config import SettingsInvalid

    try:
        url = info.own_redis_url()
    except info.NoOwnRedis as error:
        typer.echo(f"headrace redis: {error}", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE) from None
    except SettingsInvalid as error:
        for line in error.lines:
            typer.echo(f"headrace redis: {line}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    # RESP2 replies keep the shape redis-cli prints; RESP3 would turn pairs into mappings.
    client = redis_py.Redis.from_url(url, protocol=2, decode_responses=False, socket_connect_timeout=5)
    # redis-py shapes the replies of commands it knows (SET into True, say); show the reply itself.
    client.response_callbacks.clear()
    try:
        reply: object = client.execute_command(*context.args)  # type: ignore[no-untyped-call]
    except ResponseError as error:
        typer.echo(f"(error) {error}")
        raise typer.Exit(1) from None
    except (RedisError, OSError) as error:
        typer.echo(f"cannot use Redis: {error}; {cure_for(error)}", err=True)
        raise typer.Exit(ExitCode.UNREACHABLE) from None
    finally:
        client.close()
    if isinstance(reply, bytes) and context.args[0].upper() in TEXT_REPLIES:
        typer.echo(reply.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n"))
        return
    for line in render(reply):
        typer.echo(line.strip('"') if reply in STATUS_REPLIES else line)


def render(reply: object) -> Iterator[str]:
    """Lines as redis-cli prints them: numbered lists, quoted strings, marked integers and nils."""
    if isinstance(reply, dict):
        reply = [part for pair in reply.items() for part in pair]
    if isinstance(reply, list | tuple | set):
        yield from _render_list(list(reply))
    elif reply is None:
        yield "(nil)"
    elif isinstance(reply, bool | int):
        yield f"(integer) {int(reply)}"
    elif isinstance(reply, bytes):
        yield quote(reply)
    elif isinstance(reply, Exception):
        yield f"(error) {reply}"
    else:
        yield str(reply)


def _render_list(items: list[object]) -> Iterator[str]:
    if not items:
        yield "(empty array)"
    width = len(str(len(items)))
    for number, item in enumerate(items, 1):
        head = f"{number:>{width}}) "
        for position, line in enumerate(render(item)):
            yield (head if position == 0 else " " * len(head)) + line


def quote(raw: bytes) -> str:
    """A bulk string in double quotes: text readable, other bytes as \\xNN."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        inner = "".join(
            character if " " <= character <= "~" else f"\\x{ord(character):02x}" for character in text
        )
        return f'"{inner}"'
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in text) + '"'
