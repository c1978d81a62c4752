"""What became of commands, told: counted by kind and outcome, with the time that they took; and a span of each."""

import re
from collections.abc import Callable
from functools import cache, wraps
from time import perf_counter
from typing import Any

from command_api.answers import Acknowledged
from shared import metrics, tracing
from shared.database import DatabaseUnavailable
from shared.group_commit import OutcomeUnknown
from shared.metric_list import COMMAND_DURATION, COMMANDS_HANDLED
from shared.problems import Problem

Handle = Callable[[Any, Any], Acknowledged]
"""`Handling.handle`, or what stands for it: of itself and a `Request`."""


def counted(handle: Handle) -> Handle:
    """Count what `handle` comes to."""

    @wraps(handle)
    def counted_handle(handling: Any, request: Any) -> Acknowledged:  # noqa: ANN401 -- as `Handle` says
        began = perf_counter()
        command = kind(type(request.command).__name__)
        outcome, code = "fault", ""
        try:
            with tracing.span(f"command {command}", order_id=str(request.order_id)):
                answer = handle(handling, request)
            outcome = "replayed" if answer.replayed else "applied" if answer.changed else "unchanged"
        except Problem as problem:
            outcome, code = "conflict" if problem.code == "concurrency_conflict" else "refused", problem.code
            raise
        except DatabaseUnavailable as error:
            outcome = "unknown" if isinstance(error, OutcomeUnknown) else "not_applied"
            raise
        finally:
            metrics.count(COMMANDS_HANDLED, command, outcome, code)
            metrics.observe(COMMAND_DURATION, perf_counter() - began, command)
        return answer

    return counted_handle


@cache
def kind(name: str) -> str:
    """Name a kind of command as events are named: `PlaceOrder` is `place_order`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
