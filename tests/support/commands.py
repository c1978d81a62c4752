"""Commands for tests of the log that need no order domain."""

from uuid import UUID, uuid4

from shared.append_command import Answer, AppendedEvent, Command


def command(stream_id: UUID | None = None, version: int = 0, events: int = 1, key: str | None = None, **rest) -> Command:
    """A command of `events` events for a stream that is at `version`."""
    stream_id = stream_id or uuid4()
    command_id = uuid4()
    if key is not None:
        rest |= {
            "principal": "tester",
            "key": key,
            "answer": Answer(
                fingerprint="f", status=201, body=f'{{"by":"{command_id}"}}', etag='"1"', location=None, position=None
            ),
        }
    appended = [
        AppendedEvent(stream_id, version + n, "thing.happened", 1, f'{{"command_id":"{command_id}","n":{n}}}')
        for n in range(1, events + 1)
    ]
    return Command(id=command_id, events=appended, expected=(stream_id, version), **rest)
