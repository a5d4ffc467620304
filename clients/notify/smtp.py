"""Mail by way of the SMTP server that the settings name; never one that a workflow names."""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import formatdate
from typing import Any

#: The port on which TLS comes first, without STARTTLS.
TLS_PORT = 465


class SmtpError(Exception):
    """Mail that the server did not accept. `error_type` and `retryable` are what a failed node will say."""

    def __init__(
        self,
        message: str,
        *,
        type: str,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = type
        self.retryable = retryable
        self.details = dict(details or {})


class AddressInvalid(SmtpError):
    """A text that should be a mail address and is none."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"'{field}' holds {value[:200]!r}, which is no mail address", type="ConfigError")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The server mail goes through, and who sends it.

    starttls  refuse to go on without TLS; on port 465 TLS comes first whatever this says.
    """

    host: str
    port: int = 587
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str = "headrace@localhost"
    starttls: bool = True

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message. Addresses are `a@b` or `Name <a@b>`, several in one text parted by commas."""

    text: str
    subject: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    #: Receive it without being named in it.
    bcc: tuple[str, ...] = ()
    reply_to: str | None = None
    html: str | None = None


def build_message(mail: Mail, *, sender: str, key: str, now_s: float) -> tuple[EmailMessage, list[str]]:
    """Write a mail out; the second value is all its recipients. Pure.

    key  names the work: the Message-ID is made from it, so that a repeat is seen to be one.
    Raises AddressInvalid.
    """
    message = EmailMessage(policy=MAIL_POLICY)
    senders = read_addresses("SMTP_FROM", [sender])
    message["From"] = senders
    recipients: list[str] = []
    for name, given in (("To", mail.to), ("Cc", mail.cc), ("Bcc", mail.bcc)):
        found = read_addresses(name.lower(), given)
        recipients += [each.addr_spec for each in found]
        if found and name != "Bcc":
            message[name] = found
    if mail.reply_to:
        message["Reply-To"] = read_addresses("reply_to", [mail.reply_to])
    # One line, whatever a template put in: a line break would begin another header.
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = formatdate(now_s)
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{senders[0].domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html is not None:
        message.add_alternative(mail.html, subtype="html")
    return message, list(dict.fromkeys(recipients))


def read_addresses(field: str, given: Sequence[str]) -> list[Address]:
    """Read the addresses in some texts. Raises AddressInvalid for a text that is not only addresses."""
    found: list[Address] = []
    for text in given:
        try:
            header = MAIL_POLICY.header_factory("to", text)
        except (HeaderParseError, MessageError, ValueError, IndexError) as error:
            raise AddressInvalid(field, text) from error
        addresses = list(header.addresses)
        bad = any(not each.username or not each.domain for each in addresses)
        if bad or not addresses or header.defects or any(char in text for char in "\r\n\0"):
            raise AddressInvalid(field, text)
        found += addresses
    return found


async def send_mail(
    settings: SmtpSettings, message: EmailMessage, recipients: Sequence[str], *, timeout_s: float
) -> dict[str, str]:
    """Hand a message to the server; return the recipients it refused, each with its words.

    Raises SmtpError when no recipient gets it, retryable where the cause may pass.
    """
    sending = _Sending(settings, message, recipients, timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            return await asyncio.to_thread(sending.work)
    except TimeoutError as error:
        raise _transport(settings, f"no answer within {timeout_s:g} s") from error
    finally:
        # The thread outlives a wait that was given up; without a connection it ends at once.
        sending.abort()


class _Sending:
    """One delivery, run in a thread; `abort` may be called from any other."""

    def __init__(
        self, settings: SmtpSettings, message: EmailMessage, recipients: Sequence[str], timeout_s: float
    ) -> None:
        self._settings = settings
        self._message = message
        self._recipients = recipients
        self._deadline_s = time.monotonic() + timeout_s
        self._server: smtplib.SMTP | None = None
        self._is_aborted = False

    def abort(self) -> None:
        self._is_aborted = True
        connection = getattr(self._server, "sock", None)
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # It is closed already.

    def work(self) -> dict[str, str]:
        settings = self._settings
        try:
            self._server = server = self._connect()
            try:
                self._prepare(server)
                self._limit_next_step(server)
                refused = server.send_message(self._message, to_addrs=list(self._recipients))
                _quit(server)
            finally:
                server.close()
        except smtplib.SMTPRecipientsRefused as error:
            raise _all_refused(settings, error) from error
        except smtplib.SMTPResponseException as error:
            raise _answered(settings, error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise SmtpError(
                f"the mail server {settings.label} cannot do it: {error}", type="Smtp.NotSupported"
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise _transport(settings, str(error) or type(error).__name__) from error
        return {address: _words(code, text) for address, (code, text) in refused.items()}

    def _connect(self) -> smtplib.SMTP:
        settings, left_s = self._settings, max(0.1, self._deadline_s - time.monotonic())
        if settings.port == TLS_PORT:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=left_s, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=left_s)

    def _prepare(self, server: smtplib.SMTP) -> None:
        settings = self._settings
        self._limit_next_step(server)
        if settings.starttls and settings.port != TLS_PORT:
            server.starttls(context=ssl.create_default_context())
        if settings.user:
            self._limit_next_step(server)
            server.login(settings.user, settings.password or "")

    def _limit_next_step(self, server: smtplib.SMTP) -> None:
        """Limit the next step to the time that is left. Raises TimeoutError when none is."""
        left_s = self._deadline_s - time.monotonic()
        if self._is_aborted or left_s <= 0:
            raise TimeoutError("the time is up")
        if server.sock is not None:
            server.sock.settimeout(left_s)


def _quit(server: smtplib.SMTP) -> None:
    """End the session. The mail is accepted by then: the answer to QUIT must not make it a failure."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        pass


def _transport(settings: SmtpSettings, cause: str) -> SmtpError:
    message = f"the mail server {settings.label} cannot be used: {cause}"
    return SmtpError(message, type="Smtp.Transport", retryable=True)


def _answered(settings: SmtpSettings, error: smtplib.SMTPResponseException) -> SmtpError:
    """4xx may pass, 5xx will not (RFC 5321, 4.2.1)."""
    code = error.smtp_code
    passing = 400 <= code < 500
    doing = "the log-in" if isinstance(error, smtplib.SMTPAuthenticationError) else "the mail"
    return SmtpError(
        f"the mail server {settings.label} refused {doing}: {_words(code, error.smtp_error)}",
        type="Smtp.4xx" if passing else "Smtp.5xx" if 500 <= code < 600 else "Smtp.Transport",
        retryable=passing or not 500 <= code < 600,
        details={"code": code},
    )


def _all_refused(settings: SmtpSettings, error: smtplib.SMTPRecipientsRefused) -> SmtpError:
    refused = {address: _words(code, text) for address, (code, text) in error.recipients.items()}
    passing = any(code < 500 for code, _ in error.recipients.values())
    return SmtpError(
        f"the mail server {settings.label} refused every recipient: {next(iter(refused.values()), '')}",
        type="Smtp.4xx" if passing else "Smtp.5xx",
        retryable=passing,
        details={"refused": refused},
    )


def _words(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(shown.split())[:300]}".strip()
