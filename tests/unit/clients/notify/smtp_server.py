"""A mail server on loopback that takes or refuses as a test says."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """Answers each command with what `answers` holds for it, else as servers do."""

    port: int = 0
    #: Command, or command and argument, in capitals -> the whole reply; an empty one hangs up.
    answers: dict[str, str] = field(default_factory=dict)
    #: Offered and needed for STARTTLS.
    tls: ssl.SSLContext | None = None
    is_silent: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    #: Whether each mail came over TLS.
    was_encrypted: list[bool] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._recipients: list[str] = []
        try:
            if self.is_silent:
                await reader.read()
                return
            writer.write(b"220 mail.test ESMTP\r\n")
            while line := await reader.readline():
                if not await self._answer(line.decode().strip(), reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.hung_up.set()
            writer.close()

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        verb = line.partition(" ")[0].upper()
        reply = self.answers.get(line.upper(), self.answers.get(verb, self._usual(verb, line)))
        if not reply:
            return False
        writer.write(f"{reply}\r\n".encode())
        if verb == "STARTTLS" and reply.startswith("220"):
            assert self.tls is not None
            await writer.start_tls(self.tls)
        if verb == "DATA" and reply.startswith("354"):
            await self._take(reader, writer)
        if verb == "RCPT" and reply.startswith("250"):
            self._recipients.append(line.partition("<")[2].partition(">")[0])
        await writer.drain()
        return verb != "QUIT"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = await reader.readuntil(b"\r\n.\r\n")
        reply = self.answers.get("END OF DATA", "250 taken")
        if reply.startswith("250"):
            message = message_from_bytes(raw[:-5].replace(b"\r\n..", b"\r\n."), policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
            self.recipients.append(self._recipients)
            self.was_encrypted.append(writer.get_extra_info("ssl_object") is not None)
        self._recipients = []
        writer.write(f"{reply}\r\n".encode())

    def _usual(self, verb: str, line: str) -> str:
        if verb == "EHLO":
            return "250-mail.test\r\n250-AUTH PLAIN\r\n" + ("250 STARTTLS" if self.tls else "250 8BITMIME")
        if verb == "AUTH":
            _, user, password = base64.b64decode(line.rpartition(" ")[2]).decode().split("\0")
            self.logins.append((user, password))
            return "235 welcome"
        return {"STARTTLS": "220 go on", "DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 fine")


@asynccontextmanager
async def running_mail_server() -> AsyncIterator[MailServer]:
    mail = MailServer()
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        server.close()
