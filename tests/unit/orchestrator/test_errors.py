from orchestrator.errors import (
    DefinitionInvalid,
    ErrorType,
    InvalidTransition,
    NodeError,
    Problem,
    TemplateError,
)


def test_node_error_survives_being_stored() -> None:
    error = NodeError(
        type=ErrorType.HTTP_5XX, message="503", details={"url": "x"}, attempt=2, worker="w-1", retryable=True
    )

    assert NodeError.from_dict(error.to_dict()) == error
    assert error.to_dict()["type"] == "Http.5xx"


def test_problem_tells_only_what_is_known() -> None:
    assert Problem("a", "c", "m").to_dict() == {"path": "a", "code": "c", "message": "m"}
    assert Problem("a", "c", "m", "h", line=3, column=4).to_dict()["line"] == 3


def test_definition_invalid_lists_every_problem() -> None:
    error = DefinitionInvalid([Problem("a", "x", "first"), Problem("", "y", "second")])

    assert str(error) == "a: first; second"
    assert error.code == "DEFINITION_INVALID"


def test_invalid_transition_names_state_and_what_is_allowed() -> None:
    error = InvalidTransition("cancel", "7f3a", "COMPLETED", ["PENDING", "RUNNING"])

    assert str(error) == (
        "cannot cancel execution 7f3a: it is COMPLETED; only PENDING or RUNNING can be cancelled"
    )


def test_template_error_shortens_long_templates() -> None:
    error = TemplateError("A", "config.url", "{{ x }}" * 1000, "no")

    assert len(error.template) <= 501
    assert "node 'A', config.url: no" in str(error)
