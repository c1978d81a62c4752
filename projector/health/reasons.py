"""Why the read side is not where it should be, in plain words: what `daybook status` says under `why`."""

from typing import Any, NamedTuple

from projector import quarantine
from projector.health import rebuild_status, waiting

Row = dict[str, Any]


class Facts(NamedTuple):
    """What is known. `unfit` says why the tables are of no use, if so; then `behind` may be None: nobody can tell."""

    unfit: str | None
    behind: int | None
    leader: Row | None
    processes: list[Row]
    paused: Row | None
    waiting: Row | None
    last_led_at: str | None
    lent_to_rebuild: bool
    rebuild: Row | None
    quarantined: int


def why(facts: Facts) -> str | None:
    """One sentence for each thing that is not as it should be, None if all is well."""
    said = [_behind(facts) if facts.unfit is None else facts.unfit]
    if facts.rebuild and (facts.unfit or facts.behind):
        of = "Verification" if facts.rebuild["purpose"] == "verify" else facts.rebuild["purpose"].capitalize()
        said.append(f"{of}: {rebuild_status.told(facts.rebuild)}.")
    if facts.quarantined:
        said.append(f"{_capital(quarantine.in_words(facts.quarantined))}: once the cause is mended, `daybook retry`.")
    return " ".join(sentence for sentence in said if sentence) or None


def _behind(facts: Facts) -> str | None:
    wrong = _wrong(facts)
    if not facts.behind:
        return f"{_capital(wrong)}." if wrong else None
    behind = f"{facts.behind} event{'s' if facts.behind != 1 else ''} behind"
    if facts.paused:
        return f"{behind}: paused by {facts.paused['by']} since {facts.paused['since']}."
    if wrong:
        return f"{behind}: {wrong}."
    if facts.leader:
        return f"{behind}; {facts.leader['name']} is posting them."
    return f"{behind}: {_nobody(facts)}."


def _wrong(facts: Facts) -> str | None:
    """What is wrong also when nothing happens to be missing yet."""
    if facts.waiting:
        return waiting.in_words(facts.waiting)
    for process in sorted(facts.processes, key=lambda process: process is not facts.leader):
        if process["alive"] and process["trouble"] and (process is facts.leader or facts.leader is None):
            return f"{process['name']} says since {process['trouble_since']}: {process['trouble']}"
    if facts.leader and not facts.leader["alive"]:
        name, since, lease = (facts.leader[key] for key in ("name", "heartbeat_at", "lease"))
        return (
            f"{name} leads, but has been silent since {since}: it is frozen or cut off, and loses the lead to a "
            f"standby soon after its lease of {lease:g} s"
        )
    return None


def _nobody(facts: Facts) -> str:
    since = max((p["heartbeat_at"] for p in facts.processes if p["role"] == "leader"), default="")
    since = max(since, facts.last_led_at or "")
    if facts.lent_to_rebuild:
        return "a rebuild or a verification has borrowed the lead for a moment"
    standbys = [p["name"] for p in facts.processes if p["alive"]]
    if standbys:
        return f"no leader since {since or 'the beginning'}; {', '.join(standbys)} will take over"
    return f"{f'no leader since {since}: ' if since else ''}no projector is running, start `daybook projector`"


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
