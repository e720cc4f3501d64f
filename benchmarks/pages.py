"""Measure every page over 10,000 cases; write docs/benchmarks/pages.md.

python -m benchmarks.pages [--cases N]

Starts a PostgreSQL and a Redis of its own, seeds them (benchmarks/laboratory.py) and
asks for every address that Django knows, through Django's test client. Exits with 1
if a page is slow, asks the database too often, or could not be measured.
"""

import argparse
import logging
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import django
import psutil

from tests import servers  # On import it says where its databases are.

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")
django.setup()

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.laboratory import make_laboratory
from benchmarks.visit import NO_PAGE, Page, Visit
from predictions.models import Case, Counter

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "pages.md"
DATABASE = "pages"
TURNS = 20
ENOUGH_S = 10  # Of turns: what is that slow is known to be, after three.
# Around a transaction: round trips, but they ask for nothing.
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT")
MEDIAN_MS = 100
QUERIES = 12


@dataclass(frozen=True)
class Measured:
    page: Page
    queries: int
    median_ms: float
    p95_ms: float
    own_ms: float
    database_ms: float

    @property
    def is_good(self) -> bool:
        return self.median_ms <= MEDIAN_MS and self.queries <= QUERIES


def measure(client: Client, page: Page) -> Measured:
    """Ask once to warm up, once to count queries, then in turns.

    Raises NotAnsweredError.
    """
    Counter.objects.all().delete()  # Or the rate limits would answer.
    ask(client, page)
    with CaptureQueriesContext(connection) as captured:
        ask(client, page)
    # Now: the next request forgets them.
    queries = sum(not each["sql"].startswith(BRACKETS) for each in captured)
    backend = psutil.Process(connection.connection.get_backend_pid())
    spent_ms: list[float] = []
    own_s, database_s = time.process_time(), cpu_of(backend)
    while len(spent_ms) < TURNS and not (
        len(spent_ms) >= 3 and sum(spent_ms) > ENOUGH_S * 1000
    ):
        began = time.perf_counter()
        ask(client, page)
        spent_ms.append((time.perf_counter() - began) * 1000)
    measured = Measured(
        page,
        queries=queries,
        median_ms=statistics.median(spent_ms),
        p95_ms=statistics.quantiles(spent_ms, n=20, method="inclusive")[18],
        own_ms=(time.process_time() - own_s) / len(spent_ms) * 1000,
        database_ms=(cpu_of(backend) - database_s) / len(spent_ms) * 1000,
    )
    print(line(measured), flush=True)
    return measured


class NotAnsweredError(Exception):
    """The page was there when it was looked for, and is not now."""


def ask(client: Client, page: Page) -> None:
    """Raises NotAnsweredError."""
    answer = client.get(page.address, secure=True)
    if answer.status_code != 200:
        raise NotAnsweredError(f"`{page.name}`: answered {answer.status_code}")


def cpu_of(backend: psutil.Process) -> float:
    """Seconds that a session of the database computed."""
    times = backend.cpu_times()
    return float(times.user + times.system)


def tidy() -> None:
    """What autovacuum does within a minute of such a load."""
    with servers.postgres().connect(DATABASE) as server, server.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def line(row: Measured) -> str:
    """One page, as a row of the table."""
    times_ms = (row.median_ms, row.p95_ms, row.own_ms, row.database_ms)
    figures = " | ".join(f"{each:.0f}" for each in times_ms)
    mark = "" if row.is_good else "**over** "
    return f"| {mark}{row.page.name} | {row.page.who} | {row.queries} | {figures} |"


def report(rows: list[Measured], missed: list[str], *, cases: int, load: float) -> str:
    """The page."""
    table = "\n".join(line(row) for row in sorted(rows, key=lambda row: -row.median_ms))
    unmeasured = "\n".join(f"- {line}" for line in missed) or "- none"
    apart = "\n".join(f"- `{name}`: {why}" for name, why in NO_PAGE.items())
    return f"""# Pages, measured

Written by `python -m benchmarks.pages` on {time.strftime("%Y-%m-%d")}; not by hand.
{cases} cases with three images and their answers, {psutil.cpu_count()} cores. Through
Django's test client: middleware, sign-in, queries and templates, but no web server and
no network. Median and 95th percentile of {TURNS} turns; CPU: of this process, and of
its session of the database. The promise is a median of at most {MEDIAN_MS} ms and at
most {QUERIES} queries; what begins and ends a transaction is not counted. Load average
when it began: {load:.1f}; above 1 other work disturbed the figures, the CPU's least.

| page | asked by | queries | median ms | p95 ms | CPU ms | database's |
|---|---|---|---|---|---|---|
{table}

Not measured, though it should be:

{unmeasured}

No pages:

{apart}
"""


def main() -> int:
    """Seed, measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    cases: int = parser.parse_args().cases
    logging.disable()  # That some addresses are only posted to is no news.
    running = servers.Servers()
    try:
        running.start()
        call_command("collectstatic", "--no-input", verbosity=0)
        servers.clone(DATABASE)
        connection.settings_dict["NAME"] = DATABASE
        began = time.perf_counter()
        visit = Visit(make_laboratory(cases=cases))
        tidy()
        print(f"{Case.objects.count()} cases in {time.perf_counter() - began:.0f} s")
        load = os.getloadavg()[0]
        rows = []
        for page in visit.pages():
            try:
                rows.append(measure(visit.clients[page.who], page))
            except NotAnsweredError as error:
                visit.missed.append(str(error))
        connection.close()
    finally:
        running.stop()
    written = report(rows, visit.missed, cases=cases, load=load)
    REPORT.write_text(written, encoding="utf-8")
    print(written)
    return int(bool(visit.missed) or not all(row.is_good for row in rows))


if __name__ == "__main__":
    sys.exit(main())
