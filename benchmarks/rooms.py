"""How large each room is: python -m benchmarks.rooms writes docs/benchmarks/rooms.md.

Lines of the files that git tracks, blank lines and migrations left out.
"""

import subprocess
from collections import Counter
from pathlib import Path

TABLE = Path("docs/benchmarks/rooms.md")
KINDS = {".py": "Python", ".html": "templates", ".css": "styles", ".js": "scripts"}


def main() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - wherever git is.
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    lines: Counter[tuple[str, str]] = Counter()
    for name in tracked:
        path = Path(name)
        if path.suffix not in KINDS or "migrations" in path.parts:
            continue
        room = path.parts[0] if len(path.parts) > 1 else "."
        text = path.read_text()
        lines[room, path.suffix] += sum(bool(line.strip()) for line in text.split("\n"))
    rooms = sorted({room for room, _ in lines})
    rows = ["# Rooms", "", "Written by `python -m benchmarks.rooms`.", ""]
    rows.append("| room | " + " | ".join(KINDS.values()) + " |")
    rows.append("|---" * (len(KINDS) + 1) + "|")
    for room in rooms:
        counts = (str(lines[room, kind] or "") for kind in KINDS)
        rows.append(f"| {room} | " + " | ".join(counts) + " |")
    TABLE.write_text("\n".join(rows) + "\n")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
