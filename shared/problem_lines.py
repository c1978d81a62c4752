"""Errors, told: a line of the log and a count for each that a request is answered with, in whatever form."""

import logging
from http import HTTPStatus

from flask import request

from shared import metrics
from shared.metric_list import HTTP_PROBLEMS
from shared.problems import Problem

_log = logging.getLogger(__name__)


def tell_problem(problem: Problem) -> None:
    """Tell of an error that has a code; what is only the client's affair is counted and needs no line."""
    if problem.kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("answered %s %s", problem.kind.status, problem)
    elif problem.kind.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        _log.info("refused %s: %s", request.remote_addr, problem)
    metrics.count(HTTP_PROBLEMS, problem.code)


def tell_fault(error: Exception) -> None:
    """Tell of what nobody expected, in full."""
    route = request.url_rule.rule if request.url_rule else "no route"  # paths may be about people
    _log.error("unexpected fault in %s %s", request.method, route, exc_info=error)
    metrics.count(HTTP_PROBLEMS, "internal_error")
