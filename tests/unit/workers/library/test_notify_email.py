"""The `notify` handler's mail, over real SMTP."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.notify.smtp import SmtpSettings
from tests.unit.clients.notify.smtp_server import MailServer, running_mail_server
from tests.unit.workers.library.notices import Kept, fail, run
from workers.context import HandlerContext, Toolbox


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with running_mail_server() as server:
        yield server


@pytest.fixture
def tools(mail: MailServer) -> Toolbox:
    return Toolbox(
        smtp=SmtpSettings("127.0.0.1", mail.port, sender="Engine <engine@example.com>", starttls=False)
    )


@pytest.fixture
def context(tools: Toolbox) -> HandlerContext:
    return HandlerContext(execution_id="e1", node_id="A.b", sink=Kept(), tools=tools)


async def test_mail_arrives_as_it_was_written(mail: MailServer, context: HandlerContext) -> None:
    output = await run(
        context,
        channel="email",
        to="Ann <ann@example.com>, bob@example.com",
        cc=["cy@example.com"],
        bcc=["dee@example.com"],
        reply_to="desk@example.com",
        title="Grüße\nBcc: eve@example.com",
        message="Fünf\n.\nEnde",
        html="<b>Fünf</b>",
    )

    (got,) = mail.mails
    assert mail.recipients == [["ann@example.com", "bob@example.com", "cy@example.com", "dee@example.com"]]
    assert (got["From"], got["To"]) == (
        "Engine <engine@example.com>",
        "Ann <ann@example.com>, bob@example.com",
    )
    assert (got["Subject"], got["Bcc"], got["Reply-To"]) == (
        "Grüße Bcc: eve@example.com",
        None,
        "desk@example.com",
    )
    plain, html = got.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == "Fünf\n.\nEnde\n"
    assert "<b>Fünf</b>" in html.get_content()
    assert output["message_id"] == got["Message-ID"]
    assert (output["recipients"], output["refused"]) == (4, {})


async def test_a_repeated_mail_has_the_same_message_id(
    mail: MailServer, context: HandlerContext, tools: Toolbox
) -> None:
    again = HandlerContext(execution_id="e1", node_id="A.b", attempt=2, tools=tools)

    first = await run(context, channel="email", to="ann@example.com", message="x")
    second = await run(again, channel="email", to="ann@example.com", message="x")

    assert first["message_id"] == second["message_id"] == mail.mails[0]["Message-ID"]
    assert mail.mails[0]["Subject"] == "A.b of execution e1"


@pytest.mark.parametrize(
    ("answers", "error_type", "retryable"),
    [
        ({"MAIL": "451 busy"}, "Smtp.4xx", True),
        ({"MAIL": "550 not you"}, "Smtp.5xx", False),
        ({"RCPT": "450 greylisted"}, "Smtp.4xx", True),
        ({"RCPT": "550 nobody here"}, "Smtp.5xx", False),
        ({"END OF DATA": "554 spam"}, "Smtp.5xx", False),
        ({"DATA": ""}, "Smtp.Transport", True),
    ],
)
async def test_what_a_mail_server_says_decides_about_another_try(
    mail: MailServer, context: HandlerContext, answers: dict[str, str], error_type: str, retryable: bool
) -> None:
    mail.answers = answers

    failure = await fail(context, channel="email", to="ann@example.com", message="x")

    assert (failure.error.type, failure.error.retryable) == (error_type, retryable)
    assert not mail.mails


async def test_a_recipient_who_is_refused_does_not_stop_the_others(
    mail: MailServer, context: HandlerContext
) -> None:
    mail.answers["RCPT TO:<BOB@EXAMPLE.COM>"] = "550 nobody here"

    output = await run(context, channel="email", to=["ann@example.com", "bob@example.com"], message="x")

    assert output["refused"] == {"bob@example.com": "550 nobody here"}
    assert mail.recipients == [["ann@example.com"]]


async def test_a_bad_goodbye_does_not_send_the_mail_again(mail: MailServer, context: HandlerContext) -> None:
    mail.answers["QUIT"] = "421 too busy to say goodbye"

    assert (await run(context, channel="email", to="ann@example.com", message="x"))["status"] == "ok"


async def test_a_silent_mail_server_is_left_in_time(mail: MailServer, context: HandlerContext) -> None:
    mail.is_silent = True

    failure = await fail(context, channel="email", to="ann@example.com", message="x", timeout="1s")

    assert (failure.error.type, failure.error.retryable) == ("Smtp.Transport", True)
    await mail.hung_up.wait()


async def test_the_worker_logs_in_when_told_to(mail: MailServer, context: HandlerContext) -> None:
    context.tools.smtp = SmtpSettings(
        "127.0.0.1", mail.port, user="me", password="hush", sender="me@example.com", starttls=False
    )

    await run(context, channel="email", to="ann@example.com", message="x")
    logins = list(mail.logins)
    mail.answers["AUTH"] = "535 wrong"
    failure = await fail(context, channel="email", to="ann@example.com", message="x")

    assert logins == [("me", "hush")]
    assert (failure.error.type, failure.error.retryable) == ("Smtp.5xx", False)
    assert "log-in" in failure.error.message and "hush" not in repr(failure)


async def test_without_starttls_no_mail_leaves_in_the_clear(
    mail: MailServer, context: HandlerContext
) -> None:
    context.tools.smtp = SmtpSettings("127.0.0.1", mail.port, user="me", password="hush")

    failure = await fail(context, channel="email", to="ann@example.com", message="x")

    assert (failure.error.type, failure.error.retryable) == ("Smtp.NotSupported", False)
    assert not mail.logins


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
async def test_starttls_encrypts_and_checks_whom_it_speaks_to(
    mail: MailServer, context: HandlerContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *names], check=True, capture_output=True)
    mail.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    mail.tls.load_cert_chain(certificate, key)
    context.tools.smtp = SmtpSettings("127.0.0.1", mail.port, user="me", password="hush")

    unknown = await fail(context, channel="email", to="ann@example.com", message="x")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    output = await run(context, channel="email", to="ann@example.com", message="x")

    assert unknown.error.type == "Smtp.Transport"
    assert output["status"] == "ok"
    assert (mail.was_encrypted, mail.logins) == ([True], [("me", "hush")])


@pytest.mark.parametrize(
    "to",
    [
        "nobody",
        "a@b\r\nBcc: eve@example.com",
        "<@>",
        "a@b, c",
        "a@-ü.example",
        "a@☃.example",
        '"a\tb"@c.example',
    ],
)
async def test_what_is_no_address_is_refused(mail: MailServer, context: HandlerContext, to: str) -> None:
    failure = await fail(context, channel="email", to=to, message="x")

    assert (failure.error.type, failure.error.retryable) == ("ConfigError", False)
    assert not mail.mails


async def test_a_domain_of_other_letters_is_sent_as_dns_holds_it(
    mail: MailServer, context: HandlerContext
) -> None:
    output = await run(context, channel="email", to="Ann <ann@bücher.example>", message="x")

    assert mail.recipients == [["ann@xn--bcher-kva.example"]]
    assert mail.mails[0]["To"] == "Ann <ann@xn--bcher-kva.example>"
    assert output["refused"] == {}


async def test_a_name_of_other_letters_needs_a_server_that_takes_them(
    mail: MailServer, context: HandlerContext
) -> None:
    refused = await fail(context, channel="email", to="jörg@example.com", message="x")
    mail.answers["EHLO"] = "250-mail.test\r\n250 SMTPUTF8"
    await run(context, channel="email", to="jörg@example.com", message="x")

    assert (refused.error.type, refused.error.retryable) == ("Smtp.NotSupported", False)
    assert mail.recipients == [["jörg@example.com"]]


async def test_without_a_log_in_that_is_known_the_error_names_what_is_offered(
    mail: MailServer, context: HandlerContext
) -> None:
    context.tools.smtp = SmtpSettings("127.0.0.1", mail.port, user="me", password="hush", starttls=False)
    mail.answers["EHLO"] = "250-mail.test\r\n250 AUTH GSSAPI"

    failure = await fail(context, channel="email", to="ann@example.com", message="x")

    assert failure.error.type == "Smtp.NotSupported"
    assert "gssapi" in failure.error.message and "hush" not in repr(failure)


async def test_without_a_mail_server_the_error_says_how(context: HandlerContext) -> None:
    context.tools.smtp = None

    failure = await fail(context, channel="email", to="ann@example.com", message="x")

    assert failure.error.type == "Notify.NotConfigured"
    assert "SMTP_HOST" in failure.error.message
