"""All that is fuzzed."""

from tests.fuzz import bodies, command_line, files, headers, queries, tokens
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for module in (headers, tokens, queries, bodies, command_line, files) for target in module.TARGETS
}
