"""axe-core over a page: which rules were applied, and which were broken."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page

from tests.data import REPOSITORY

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIZES = {"1280 px": (1280, 900), "390 px": (390, 844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

ABOUT = """\
# Accessibility

axe-core {version} over every page of the portal ({views}) in Chromium,
under the portal's own content security policy; rules {tags}
and `target-size`. A page that scrolls sideways counts as a violation. A machine finds a
part of what is wrong: the way through with the keyboard alone has tests of its own.

For a person to see: axe takes the words beside an image's scale bar to be covered, and
leaves their contrast open. They stand below the viewer, on the card's own ground.

`make test` fails on any violation. Written by:

```sh
ACCESSIBILITY_REPORT=docs/benchmarks/accessibility.md \\
  .venv/bin/pytest -q tests/browser/test_accessibility.py
```
"""

# Not on by default: targets of 24 px at least (WCAG 2.2, 2.5.8).
_RUN = """(tags) => axe.run(document, {
    runOnly: {type: 'tag', values: tags},
    rules: {'target-size': {enabled: true}},
    resultTypes: ['violations', 'incomplete', 'passes'],
})"""
# What is wider than the window, and is not a part that scrolls by itself.
_WIDER = """() => document.documentElement.scrollWidth - window.innerWidth"""


@dataclass
class Finding:
    """What became of one page, in one scheme and at one width."""

    view: str
    applied: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)  # For a person to look at.
    faults: list[str] = field(default_factory=list)


def examine(page: Page) -> list[Finding]:
    """The page as it stands: light and dark, wide and narrow."""
    findings = []
    for width, (width_px, height_px) in SIZES.items():
        page.set_viewport_size({"width": width_px, "height": height_px})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            findings.append(_look(page, f"{scheme}, {width}"))
    return findings


def _look(page: Page, view: str) -> Finding:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {AXE.read_text()} }}")
    found = page.evaluate(_RUN, TAGS)
    finding = Finding(
        view,
        applied={
            rule["id"]
            for kind in found.values()
            if isinstance(kind, list)
            for rule in kind
            if rule.get("nodes")
        },
        unsure={rule["id"] for rule in found["incomplete"]},
        faults=[
            _said(rule, node) for rule in found["violations"] for node in rule["nodes"]
        ],
    )
    wider_px = page.evaluate(_WIDER)
    if wider_px > 0:
        finding.faults.append(f"scrolls sideways by {wider_px} px")
    return finding


def _said(rule: dict[str, Any], node: dict[str, Any]) -> str:
    where = " ".join(str(part) for part in node["target"])
    why = node.get("failureSummary", "").replace("\n", " ")
    return f"{rule['id']}: {where}: {why}"


class Report:
    """Every page's findings, as a page of docs/benchmarks."""

    def __init__(self) -> None:
        self.findings: dict[str, list[Finding]] = {}

    def write(self, path: Path) -> None:
        version = json.loads((AXE.parent / "package.json").read_text())["version"]
        about = ABOUT.format(
            version=version,
            views=f"{', '.join(SCHEMES)}, at {' and '.join(SIZES)}",
            tags=", ".join(f"`{tag}`" for tag in TAGS),
        )
        path.write_text("\n".join([about, *self._pages(), "", *self._rules(), ""]))

    def _pages(self) -> list[str]:
        lines = [
            "| page | views | rules that applied | violations | for a person to see |",
            "|---|---|---|---|---|",
        ]
        for name, findings in sorted(self.findings.items()):
            applied = set().union(*(finding.applied for finding in findings))
            unsure = set().union(*(finding.unsure for finding in findings))
            faults = sum(len(finding.faults) for finding in findings)
            lines.append(
                f"| {name} | {len(findings)} | {len(applied)} | {faults} | "
                f"{', '.join(sorted(unsure)) or 'nothing'} |"
            )
        return lines

    def _rules(self) -> list[str]:
        pages: dict[str, set[str]] = defaultdict(set)
        broken: dict[str, int] = defaultdict(int)
        for name, findings in self.findings.items():
            for finding in findings:
                for rule in finding.applied:
                    pages[rule].add(name)
                for fault in finding.faults:
                    broken[fault.partition(":")[0]] += 1
        lines = ["| rule | pages where it applied | violations |", "|---|---|---|"]
        lines.extend(
            f"| {rule} | {len(pages[rule])} | {broken[rule]} |"
            for rule in sorted({*pages, *broken})
        )
        return lines
