"""What helps against what Redis answers, or against its silence."""

from __future__ import annotations

START = "start the stack: ./headrace dev; or name another Redis: REDIS_URL"
PASSWORD = "give its password: REDIS_PASSWORD, or REDIS_URL=redis://:PASSWORD@HOST:PORT/0"
DISK = "make room on the disk of the Redis server, or make it writable; it takes writes again by itself"
#: What the message of a fault has in it, in lower case, and what helps. The first that fits.
_CURES = (
    (
        ("noauth", "wrongpass", "authentication", "invalid username-password", "without any password"),
        PASSWORD,
    ),
    (("noperm", "no permissions"), "let the user of REDIS_URL call it: ACL SETUSER"),
    (("misconf", "no space left", "bgsave", "aof file"), DISK),
    (("oom ",), "give it more memory: CONFIG SET maxmemory; or remove old executions: ./headrace purge"),
    (("loading",), "wait: it reads its data from disk"),
    (("readonly", "read only replica"), "name the primary: this one is a replica"),
    (("timed out", "timeout"), "look whether its host is up and lets this machine in; a firewall?"),
)


def cure_for(fault: object, *, otherwise: str = START) -> str:
    """Say what helps against a fault, an exception or its text; otherwise: where nothing better is known."""
    text = f"{type(fault).__name__}: {fault}".lower()
    return next((cure for signs, cure in _CURES if any(sign in text for sign in signs)), otherwise)
