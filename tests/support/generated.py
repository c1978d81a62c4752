"""schemathesis over one of our apps: cases generated from its document, sent to it, every answer checked."""

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from unittest import mock

import schemathesis
from hypothesis import strategies as st
from schemathesis import engine
from schemathesis.engine import events
from schemathesis.engine.context import EngineContext
from schemathesis.openapi import from_wsgi

CASES_PER_OPERATION = int(os.environ.get("DAYBOOK_GENERATED_CASES", "20"))
"""How many cases hypothesis makes for an operation, beside those that cover the schema systematically."""
SEED = os.environ.get("DAYBOOK_GENERATED_SEED")
"""Without one, the cases are the same every time."""

REAL: dict[str, list[str]] = {"uuid": [], "consistency-token": [], "cursor": []}
"""Texts of a format that stand for something that is there: orders, and what only the service itself can make."""

PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=200)
PAST = st.datetimes(datetime(1971, 1, 1), datetime(2025, 12, 31), timezones=st.timezones()).map(datetime.isoformat)  # noqa: DTZ001 -- the bounds of a strategy have none

schemathesis.openapi.format("printable", PRINTABLE)
schemathesis.openapi.format("date-time", PAST)
for name, others in {"uuid": st.uuids().map(str), "consistency-token": st.nothing(), "cursor": st.nothing()}.items():
    schemathesis.openapi.format(name, st.deferred(lambda name=name: st.sampled_from(REAL[name])) | others)

RULES = {
    *("invalid_cursor", "invalid_parameter", "position_unknown"),
    *("validation_failed", "currency_mismatch", "amount_out_of_range", "idempotency_key_reused"),
}
OF_THE_SCHEMA = {"wrong_type", "bad_format", "too_many"}
BEYOND_THE_SCHEMA = (
    "got a number that is no integer",  # 5313.0, which JSON Schema holds to be one: amounts are written without a point
    "U+0000 is not allowed in a string",  # PostgreSQL keeps no such text; the document's introduction says so
    "U+0000 is not allowed",  # in a query parameter, likewise
    "half of a surrogate pair",  # nor such
)


@schemathesis.check
def what_the_schema_allows_is_refused_only_by_rules_beyond_it(ctx, response, case):
    """A type or a form is what the document tells in full; only how fields and parameters go together is not."""
    if case.meta is not None and case.meta.generation.mode.is_positive and response.status_code in (400, 422):
        problem = response.json()
        schemas = [
            error
            for error in problem.get("errors", ())
            if error["code"] in OF_THE_SCHEMA and not error.get("detail", "").endswith(BEYOND_THE_SCHEMA)
        ]
        assert problem["code"] in RULES and not schemas, f"refused what the schema allows: {schemas or problem}"


@dataclass
class Report:
    """What came out."""

    cases: int = 0
    statuses: Counter = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def generated(app, headers: dict[str, str], **rest) -> Report:
    """Send what is generated from the document of `app`, and check every answer in every way there is."""
    config = schemathesis.Config.from_dict(
        {
            **({"seed": int(SEED)} if SEED else {}),
            "headers": headers,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],  # how much of a draw is thrown away says nothing of us
            "generation": {"max-examples": CASES_PER_OPERATION, "deterministic": not SEED},
        }
        | rest
    )
    schema = from_wsgi("/openapi.json", app, config=config)
    report = Report()
    for event in _events(schema):
        if isinstance(event, events.ScenarioFinished):
            _add(event.recorder, report)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            report.errors.append(str(getattr(event, "info", event)))
    return report


def assert_clean(report: Report, at_least: int) -> None:
    """Assert that so many cases were sent, all was well, and that the good ones did not all miss."""
    print(f"\n{report.cases} cases: {dict(sorted(report.statuses.items()))}")
    for what, example in report.failures.items():
        print(f"{what}\n{example[:1500]}\n")
    assert not report.errors, report.errors[:5]
    assert not report.failures, list(report.failures)
    assert report.cases >= at_least
    assert sum(count for status, count in report.statuses.items() if status < 300) >= report.cases // 10


def _events(schema):
    """Run the engine, which (4.32, `_auth_retry`) hands settings for sockets to the WSGI transport, too."""
    inherited = EngineContext.get_transport_kwargs

    def kwargs(self, operation=None):
        given = inherited(self, operation)
        return {name: value for name, value in given.items() if name not in ("max_redirects", "verify", "cert")}

    with mock.patch.object(EngineContext, "get_transport_kwargs", kwargs):
        yield from engine.from_schema(schema).execute()


def _add(recorder, report: Report) -> None:
    for id_, interaction in recorder.interactions.items():
        report.cases += 1
        if interaction.response is not None:
            report.statuses[interaction.response.status_code] += 1
        for check in recorder.checks.get(id_, ()):
            if check.failure_info is not None:
                failure = check.failure_info.failure
                key = f"{recorder.cases[id_].value.operation.label}: {check.name}: {failure.title}"
                report.failures.setdefault(key, f"{failure.message}\n{check.failure_info.code_sample}")
