"""The list of metrics as a page for people: `python -m tests.support.metric_table` writes it anew."""

from pathlib import Path

from shared.metric_list import METRICS

PAGE = Path(__file__).parents[2] / "shared" / "observing" / "metrics.md"
HEAD = """\
# Metrics

Made from `shared/metric_list.py` by `python -m tests.support.metric_table`; a test holds it to that.

| metric | kind | labels | exposed by | |
|---|---|---|---|---|
"""


def page() -> str:
    rows = [
        f"| `{it.name}` | {it.kind} | {' '.join(f'`{label}`' for label in it.labels)} | {', '.join(it.at)} | {it.says} |"
        for it in METRICS.values()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
