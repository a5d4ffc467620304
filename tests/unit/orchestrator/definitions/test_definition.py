"""What nodes and definitions derive from their fields."""

from orchestrator.definitions.definition import Catch, Choice, ItemMap, Node
from orchestrator.definitions.retry import ONE_ATTEMPT, RetryPolicy


def test_the_authors_policy_beats_the_handlers() -> None:
    author, handler = RetryPolicy(max_attempts=2), RetryPolicy(max_attempts=9)

    assert Node("A", "noop", retry=author, handler_retry=handler).policy == author
    assert Node("A", "noop", handler_retry=handler).policy == handler
    assert Node("A", "noop").policy == ONE_ATTEMPT


def test_branches_are_the_targets_of_answers_and_of_the_catch_once_each() -> None:
    deciding = Node(
        "A",
        "switch",
        choices=(Choice("cases.a", ("X", "Y")), Choice("default", ("X",))),
        catch=(Catch(("Http.*",), "G"), Catch(("*",), "G")),
    )

    assert deciding.branches == ("X", "Y", "G")
    assert deciding.gotos == ("G",)
    assert deciding.branch("default") == ("X",)
    assert deciding.branch("cases.b") == ()


def test_on_exhausted_decides_what_a_failure_does() -> None:
    goes_on = Node("A", "noop", retry=RetryPolicy(on_exhausted="continue"))
    pauses = Node("A", "noop", retry=RetryPolicy(on_exhausted="pause"))

    assert (goes_on.continues_on_failure, goes_on.pauses_on_failure) == (True, False)
    assert (pauses.continues_on_failure, pauses.pauses_on_failure) == (False, True)


def test_a_stored_map_keeps_what_a_worker_needs() -> None:
    stored = ItemMap("{{ A.rows }}", stops_on_failure=True, tolerated_count=2).to_dict()

    assert (stored["items"], stored["stops"], stored["tolerated_count"]) == ("{{ A.rows }}", True, 2)
