"""Mail by way of the SMTP server that the settings name; never one that a workflow names."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import HeaderParseError, MessageError, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import formatdate
from functools import cache
from typing import Any

import aiosmtplib
import idna

from clients.http.wire import excerpt

#: The port on which TLS comes first, without STARTTLS.
TLS_PORT = 465
#: How long an answer to the end of a session is waited for, after the mail is accepted.
QUIT_S = 2.0


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
        super().__init__(f"'{field}' holds {excerpt(value)!r}, which is no mail address", type="ConfigError")


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
        # Letters of other alphabets before the @ are no defect where a server offers SMTPUTF8.
        bad = bad or any(not isinstance(each, NonASCIILocalPartDefect) for each in header.defects)
        if bad or not addresses or any(char in text for char in "\r\n\0"):
            raise AddressInvalid(field, text)
        found += [_ascii_domain(field, each) for each in addresses]
    return found


def _ascii_domain(field: str, address: Address) -> Address:
    """The same address with its domain as DNS holds it, which every server takes."""
    if address.domain.isascii():
        return address
    try:
        domain = idna.encode(address.domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise AddressInvalid(field, str(address)) from error
    return Address(address.display_name, address.username, domain)


async def send_mail(
    settings: SmtpSettings, message: EmailMessage, recipients: Sequence[str], *, timeout_s: float
) -> dict[str, str]:
    """Hand a message to the server; return the recipients it refused, each with its words.

    Raises SmtpError when no recipient gets it, retryable where the cause may pass.
    """
    server = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        timeout=timeout_s,
        use_tls=settings.port == TLS_PORT,
        start_tls=False,
    )
    try:
        async with asyncio.timeout(timeout_s):
            await _prepare(server, settings)
            refused, _ = await server.send_message(message, recipients=list(recipients))
        await _quit(server)
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _all_refused(settings, error) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(settings, error) from error
    except aiosmtplib.SMTPNotSupported as error:
        raise _cannot(settings, str(error)) from error
    except TimeoutError as error:
        raise _transport(settings, f"no answer within {timeout_s:g} s") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _transport(settings, str(error) or type(error).__name__) from error
    except ValueError as error:
        raise SmtpError(f"the mail cannot be sent: {error}", type="ConfigError") from error
    finally:
        server.close()
    return {address: _words(reply.code, reply.message) for address, reply in refused.items()}


async def _prepare(server: aiosmtplib.SMTP, settings: SmtpSettings) -> None:
    """Connect, encrypt and log in, as the settings want it."""
    await server.connect(local_hostname=await asyncio.to_thread(_own_name))
    if settings.starttls and settings.port != TLS_PORT:
        await server.ehlo()
        if not server.supports_extension("starttls"):
            raise _cannot(settings, "it does not offer STARTTLS")
        await server.starttls()
    if settings.user:
        await server.ehlo()
        if not server.supported_auth_methods:
            offered = ", ".join(server.server_auth_methods) or "none"
            raise _cannot(settings, f"it offers no log-in that is known here (offered: {offered})")
        await server.login(settings.user, settings.password or "")


async def _quit(server: aiosmtplib.SMTP) -> None:
    """End the session. The mail is accepted by then: the answer to QUIT must not make it a failure."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await server.quit(timeout=QUIT_S)


@cache
def _own_name() -> str:
    """What to greet the server with: a name with a dot, or else an address; many refuse anything else."""
    name = socket.getfqdn()
    if "." in name:
        return name
    try:
        return f"[{socket.gethostbyname(socket.gethostname())}]"
    except OSError:
        return "[127.0.0.1]"


def _cannot(settings: SmtpSettings, cause: str) -> SmtpError:
    return SmtpError(f"the mail server {settings.label} cannot do it: {cause}", type="Smtp.NotSupported")


def _transport(settings: SmtpSettings, cause: str) -> SmtpError:
    message = f"the mail server {settings.label} cannot be used: {cause}"
    return SmtpError(message, type="Smtp.Transport", retryable=True)


def _answered(settings: SmtpSettings, error: aiosmtplib.SMTPResponseException) -> SmtpError:
    """4xx may pass, 5xx will not (RFC 5321, 4.2.1)."""
    code = error.code
    passing = 400 <= code < 500
    doing = "the log-in" if isinstance(error, aiosmtplib.SMTPAuthenticationError) else "the mail"
    return SmtpError(
        f"the mail server {settings.label} refused {doing}: {_words(code, error.message)}",
        type="Smtp.4xx" if passing else "Smtp.5xx" if 500 <= code < 600 else "Smtp.Transport",
        retryable=passing or not 500 <= code < 600,
        details={"code": code},
    )


def _all_refused(settings: SmtpSettings, error: aiosmtplib.SMTPRecipientsRefused) -> SmtpError:
    refused = {each.recipient: _words(each.code, each.message) for each in error.recipients}
    passing = any(each.code < 500 for each in error.recipients)
    return SmtpError(
        f"the mail server {settings.label} refused every recipient: {next(iter(refused.values()), '')}",
        type="Smtp.4xx" if passing else "Smtp.5xx",
        retryable=passing,
        details={"refused": refused},
    )


def _words(code: int, text: str) -> str:
    return f"{code} {' '.join(text.split())}".strip()
