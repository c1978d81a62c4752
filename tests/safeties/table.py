"""The safeties of the house, one by one: where each stands, how it is taken out, and which tests then fail.

`python -m tests.safeties` does take them out, each in a copy of the tree.
"""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

APPEND = "shared/migrations/events/0003_append.sql"
CHECKPOINT = "projector/checkpoint.py"
HANDLING = "command_api/handling.py"

APPENDING = "tests/integration/test_append.py"
COMMANDS = "tests/integration/test_handling.py"
IN_DOUBT = "tests/faults/test_in_doubt.py"
POSTING = "tests/integration/test_projector.py"
REBUILDING = "tests/integration/test_rebuild.py"


class Safety(NamedTuple):
    """`text` stands once in `file`; with `instead` in its place the safety is gone, and each of `tests` fails."""

    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]


SAFETIES = (
    Safety(
        "the gate lock",
        APPEND,
        "    PERFORM FROM gate FOR UPDATE;\n    SELECT s.position",
        "    SELECT s.position",
        (f"{APPENDING}::test_a_tailing_reader_never_sees_a_position_before_all_lower_ones",),
    ),
    Safety(
        "the gate lock, of settle",
        APPEND,
        "    PERFORM FROM gate FOR UPDATE;\n    FOR command",
        "    FOR command",
        (f"{IN_DOUBT}::test_settling_waits_for_an_append_that_holds_the_gate",),
    ),
    Safety(
        "the version check",
        APPEND,
        "IF coalesce(present, 0) <> (command -> 'expected' ->> 1)::integer THEN",
        "IF false THEN",
        (
            f"{APPENDING}::test_an_expected_version_ahead_of_the_stream_leaves_no_gap",
            f"{APPENDING}::test_a_wrong_expected_version_fails_one_command_not_the_batch",
        ),
    ),
    Safety(
        "the version check, of If-Match",
        HANDLING,
        "if request.if_match is not None and version and not request.if_match.allows(version):",
        "if False:",
        (f"{COMMANDS}::test_a_stale_if_match_is_refused_by_a_stale_worker_too",),
    ),
    Safety(
        "the claim of a key: asked",
        APPEND,
        "    IF command ? 'key' THEN",
        "    IF false THEN",
        (f"{APPENDING}::test_a_key_answers_with_its_first_answer",),
    ),
    Safety(
        "the claim of a key: granted",
        APPEND,
        "    IF jsonb_path_exists(commands, '$[*].answer') THEN",
        "    IF false THEN",
        (
            f"{COMMANDS}::test_a_twin_at_any_worker_gets_the_first_answer_never_a_refusal",
            f"{COMMANDS}::test_a_key_for_another_request_is_refused_and_writes_nothing",
        ),
    ),
    Safety(
        "the claim of a number or an external id: asked",
        APPEND,
        "    IF command ? 'claims' THEN",
        "    IF false THEN",
        (f"{APPENDING}::test_a_claim_is_granted_once_and_names_its_holder",),
    ),
    Safety(
        "the claim of a number or an external id: granted",
        APPEND,
        "    IF jsonb_path_exists(commands, '$[*].claims') THEN",
        "    IF false THEN",
        (
            f"{COMMANDS}::test_the_same_external_id_twice_makes_one_order_and_names_it",
            f"{COMMANDS}::test_a_number_of_the_client_that_is_taken_is_refused",
        ),
    ),
    Safety(
        "the cache rule: only an accepted append rests on the cache",
        HANDLING,
        "if not fresh and (isinstance(decision, Problem) or not decision.events):",
        "if False:",
        (
            f"{COMMANDS}::test_a_stale_worker_refuses_no_legal_command",
            f"{COMMANDS}::test_a_stale_worker_answers_no_false_412",
            f"{COMMANDS}::test_a_twin_at_any_worker_gets_the_first_answer_never_a_refusal",
        ),
    ),
    Safety(
        "the cache rule: who was slower reads again",
        HANDLING,
        "                answer, known = self._refresh(request, known)\n                fresh = True",
        "                fresh = True",
        (f"{COMMANDS}::test_a_twin_at_any_worker_gets_the_first_answer_never_a_refusal",),
    ),
    Safety(
        "settle: what is given up is written down",
        APPEND,
        "INSERT INTO abandoned (command_id) VALUES ((command ->> 'id')::uuid) ON CONFLICT DO NOTHING;",
        "NULL;",
        (f"{IN_DOUBT}::test_an_abandoned_command_that_arrives_after_all_is_turned_away",),
    ),
    Safety(
        "settle: what was given up is turned away",
        APPEND,
        "IF EXISTS (SELECT FROM abandoned a WHERE a.command_id = (command ->> 'id')::uuid) THEN",
        "IF false THEN",
        (f"{IN_DOUBT}::test_an_abandoned_command_that_arrives_after_all_is_turned_away",),
    ),
    Safety(
        "settle: what is in the log is found",
        APPEND,
        "        IF FOUND THEN\n            RETURN NEXT",
        "        IF false THEN\n            RETURN NEXT",
        (f"{IN_DOUBT}::test_settling_finds_what_is_in_the_log",),
    ),
    Safety(
        "the in-doubt look-up: after a lost connection",
        "shared/group_commit.py",
        "self._settle_doubt(batch, error, until + self._settling)",
        '_fail(batch, NotApplied("the connection broke"))',
        (f"{IN_DOUBT}::test_a_client_cut_off_while_its_append_waits_for_the_gate_hears_the_truth_100_times",),
    ),
    Safety(
        "the in-doubt look-up: of a key, behind all that is under way",
        "command_api/command_route.py",
        "            store.outwait_appends()\n",
        "",
        ("tests/integration/test_command_api_lookup.py::test_what_is_under_way_is_waited_for",),
    ),
    Safety(
        "the in-doubt look-up: nobody gets ahead of who waits for the gate",
        "shared/event_store/store.py",
        "if not set(before).intersection(self._rows(self._select_appending)):",
        "if True:",
        ("tests/integration/test_command_api_lookup.py::test_what_waits_for_the_gate_is_waited_for_by_who_gets_ahead_of_it",),
    ),
    Safety(
        "the compare-and-set",
        CHECKPOINT,
        "WHERE position = %(floor)s\n    AND generation",
        "WHERE generation",
        (f"{POSTING}::test_of_two_posters_at_one_floor_the_second_finds_no_row",),
    ),
    Safety(
        "the compare-and-set, of the generation",
        CHECKPOINT,
        "    AND generation = %(generation)s\n",
        "",
        (f"{POSTING}::test_a_poster_of_another_generation_finds_no_row",),
    ),
    Safety(
        "retired",
        CHECKPOINT,
        "    AND NOT retired\n",
        "",
        (f"{REBUILDING}::test_a_batch_that_straddles_the_switch_from_before_it_finds_no_row",),
    ),
    Safety(
        "retired, written by the switch",
        "projector/generation.py",
        "SET retired = true RETURNING",
        "SET retired = false RETURNING",
        (
            f"{REBUILDING}::test_a_batch_that_straddles_the_switch_is_waited_for",
            f"{REBUILDING}::test_a_batch_that_straddles_the_switch_from_before_it_finds_no_row",
        ),
    ),
    Safety(
        "retired, asked by a retry",
        "projector/retry.py",
        " AND NOT c.retired",
        "",
        ("tests/integration/test_quarantine.py::test_tables_that_have_been_replaced_are_left_alone_by_a_retry",),
    ),
)
