"""Fill an installation with cases, as if a laboratory had worked with it for a year.

    make run DEMO=0                             (in one terminal)
    python -m benchmarks.seed [--cases N]       (in another)

Makes a laboratory with three members, and rows alone: the images have no files.
"""

import argparse
import time

from benchmarks.stack import set_up

set_up()

from benchmarks.laboratory import make_laboratory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    asked = parser.parse_args()
    began = time.perf_counter()
    seeded = make_laboratory(cases=asked.cases)
    print(
        f"{seeded.laboratory}: {asked.cases} cases in "
        f"{time.perf_counter() - began:.0f} s; members "
        f"{', '.join(person.username for person in seeded.people)}."
    )


if __name__ == "__main__":
    main()
