"""One answer of a chat completions API, put together event by event, or read from an answer that is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clients.llm.answer_text import AnswerText
from clients.llm.provider import LlmError, LlmRequest, broken, kind_of_status, rough_tokens, unreadable
from headrace.tools import LlmReply, LlmUsage, OnText

#: Their words for why an answer ended -> ours.
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
}
_DONE = "[DONE]"
#: Of the words of an error, where a server does not call them `message`.
_OTHER_WORDS = ("detail", "msg", "error")


class ChatAnswer:
    """An answer under way. Servers leave fields out, send null, and add fields of their own."""

    def __init__(self, request: LlmRequest, model: str, on_text: OnText | None) -> None:
        self._request = request
        self._model = model
        self._text = AnswerText(on_text)
        self._usage: LlmUsage | None = None
        self._stop_reason = ""
        #: Of the choice that is read.
        self._index: Any = None
        self._has_refused = False
        #: Whether anything of an answer has come: from then on it is charged.
        self._has_begun = False
        self._has_ended = False

    def take(self, data: str) -> bool:
        """Take the data of one event; False: the answer is at its end.

        Raises LlmError for one that carries an error, ValueError or TypeError for one that cannot be read.
        """
        if data.startswith(_DONE):
            self._has_ended = True
            return False
        event = json.loads(data)
        if isinstance(event, list) and len(event) == 1:
            event = event[0]
        if not isinstance(event, Mapping):
            raise TypeError(f"an event that is no object: {data}")
        if error := _error_in(event):
            raise self._told_error(error)
        self._has_begun = True
        self._model = str(event.get("model") or self._model)
        self._usage = _read_usage(event.get("usage")) or self._usage
        for choice in event.get("choices") or ():
            # One was asked for; more than one are not parts of one answer.
            index = choice.get("index")
            self._index = index if self._index is None else self._index
            if index == self._index:
                self._take_choice(choice)
        return True

    def reply(self) -> LlmReply:
        """Give the whole answer. Raises LlmError where it ended without its end."""
        self._text.close()
        if not self._has_begun and not self._has_ended:
            raise unreadable("there is no answer in it")
        if not self._has_ended and not self._stop_reason:
            raise broken("the answer ended before its end")
        return LlmReply(
            text=self._text.text,
            model=self._model,
            usage=self._usage or self._guess(),
            stop_reason="refusal" if self._has_refused else self._stop_reason or "end_turn",
        )

    def _take_choice(self, choice: Mapping[str, Any]) -> None:
        said = choice.get("delta")
        if said is None:
            # Not a stream, there is no more to come. Beside a delta, `message` is all there was so far.
            said = choice.get("message") or {}
            self._has_ended = "message" in choice or self._has_ended
        self._take_content(said.get("content"))
        self._take_refusal(said.get("refusal"))
        if reason := choice.get("finish_reason"):
            self._stop_reason = STOP_REASONS.get(reason, str(reason))

    def _take_content(self, content: Any) -> None:
        """Take text, or a list of parts: what a model thinks before it answers is a part of its own."""
        if content is None or isinstance(content, str):
            self._text.add(content or "")
            return
        for part in [content] if isinstance(content, Mapping) else content:
            if isinstance(part, str):
                self._text.add(part)
            elif part.get("type") == "refusal":
                self._take_refusal(part.get("refusal"))
            elif part.get("type", "text") in ("text", "output_text"):
                self._text.add(part.get("text") or "")

    def _take_refusal(self, refusal: Any) -> None:
        if refusal:
            self._has_refused = True
            self._text.add(str(refusal))

    def _told_error(self, error: Any) -> LlmError:
        words = error_words(error)
        kind, retryable = kind_of_status(_status_in(words), str(words.get("code")), str(words.get("type")))
        return LlmError(
            f"the model API broke off: {words['message']}",
            type=kind,
            retryable=retryable,
            was_charged=self._has_begun,
        )

    def _guess(self) -> LlmUsage:
        """Count roughly, for servers that do not."""
        prompt = self._request.system or ""
        for message in self._request.messages:
            content = message["content"]
            prompt += content if isinstance(content, str) else json.dumps(content, default=str)
        return LlmUsage(input=rough_tokens(prompt), output=rough_tokens(self._text.text))


def error_words(body: Any) -> dict[str, Any]:
    """Read the body of an error, whatever a server makes of it; `message` is always there."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return {"message": str(body or "")}
    inner = body.get("error")
    words = dict(inner if isinstance(inner, Mapping) else body)
    if not words.get("message"):
        words["message"] = next((words[name] for name in _OTHER_WORDS if words.get(name)), json.dumps(words))
    return words


def _error_in(event: Mapping[str, Any]) -> Any:
    """The error an event carries, in the place of an answer or of the rest of one."""
    if event.get("error"):
        return event["error"]
    if event.get("object") == "error" or ("choices" not in event and {"message", "code"} <= event.keys()):
        return event
    for choice in event.get("choices") or ():
        if choice.get("error") or choice.get("finish_reason") == "error":
            return choice.get("error") or "the server names no reason"
    return None


def _status_in(words: Mapping[str, Any]) -> int:
    """The HTTP status an error names; 200, that of the answer it came in, where it names none."""
    for name in ("code", "status"):
        value = words.get(name)
        status = int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
        if 400 <= status < 600:
            return status
    return 200


def _read_usage(counts: Any) -> LlmUsage | None:
    """What a server counted; None where it counted nothing, or what is no count."""
    if not isinstance(counts, Mapping):
        return None
    try:
        prompt = int(counts.get("prompt_tokens") or 0)
        answer = int(counts.get("completion_tokens") or 0)
        cached = int((counts.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
    except (ValueError, TypeError, AttributeError):
        return None
    if not prompt and not answer:
        return None
    return LlmUsage(input=max(0, prompt - cached), output=answer, cache_read=cached)
