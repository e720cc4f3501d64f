"""What the schema tests asked and were answered, as a page."""

import time
from collections import Counter, defaultdict
from pathlib import Path

ABOUT = """# The API's schema, tested

Schemathesis makes requests out of the OpenAPI schema, every other one about something
that is there, and holds each answer against it: status, content type, headers and body
are ones that the schema names, and nothing is answered 5xx. Each role asks. `make
test` fails on any other answer. Written by:

```sh
SCHEMA_REPORT=docs/benchmarks/schema.md \\
  .venv/bin/pytest -q tests/predictions/api/test_whole_schema.py
```
"""


class Report:
    """The statuses by operation and role."""

    def __init__(self) -> None:
        self._statuses: dict[str, dict[str, Counter[int]]] = defaultdict(
            lambda: defaultdict(Counter)
        )

    def add(self, operation: str, who: str, status: int) -> None:
        self._statuses[operation][who][status] += 1

    def write(self, path: Path, *, roles: dict[str, str]) -> None:
        """A row an operation, a column a role: how often which status was answered."""
        asked = sum(
            counter.total() for by in self._statuses.values() for counter in by.values()
        )
        lines = [
            ABOUT,
            f"{asked} requests, {time.strftime('%Y-%m-%d')}; every answer conformed.\n",
            "| operation | " + " | ".join(roles.values()) + " |",
            "|---" * (len(roles) + 1) + "|",
        ]
        for operation, by in self._statuses.items():
            cells = [_cell(by[who]) for who in roles]
            lines.append(f"| {operation} | " + " | ".join(cells) + " |")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(statuses: Counter[int]) -> str:
    return ", ".join(f"{status} x{statuses[status]}" for status in sorted(statuses))
