"""What goes wrong in a page, as the browser itself reports it."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, WebError

#: Runs before the page's own scripts. What the policy refused reaches the console as an error.
REPORTING = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
    console.error(`refused by the content security policy: ${violatedDirective} ${blockedURI} ${sample}`));
"""


class Faults:
    """Errors on the console, uncaught exceptions, refusals of the policy, dialogs."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        #: Whether dialogs of the browser are answered with yes.
        self.is_agreed = False
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        """Take faults that a regular expression finds for what the test means to cause."""
        self._allowed.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self.seen if not any(each.search(fault) for each in self._allowed)]

    def watch(self, context: BrowserContext) -> None:
        """Note the faults of every page of a context."""
        context.add_init_script(REPORTING)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("dialog", self._on_dialog)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            at = message.location
            self.seen.append(f"{message.type}: {message.text} ({at['url']}:{at['lineNumber']})")

    def _on_error(self, error: WebError) -> None:
        self.seen.append(f"uncaught: {error.error}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.seen.append(f"dialog: {dialog.type} {dialog.message}")
        if self.is_agreed:
            dialog.accept()
        else:
            dialog.dismiss()
