"""Every state has its words, and every colour can be read."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template

import histoapp
import predictions
from predictions.images.heatmap import colours
from predictions.models import CaseStatus, JobStatus, Outcome

# Ground under ink, as the stylesheet pairs them.
PAIRS = [
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink-soft", "ground"),
    ("ink-soft", "surface"),
    ("ink-soft", "sunken"),
    ("ink", "accent-soft"),
    ("accent", "surface"),
    ("accent", "ground"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    *(
        (f"{name}-ink", f"{name}-ground")
        for name in ("notice", "benign", "malignant", "refer", "neutral", "running")
    ),
    ("malignant-ink", "surface"),
    ("benign-ink", "surface"),
    ("refer-ink", "surface"),
]


@pytest.mark.parametrize("status", JobStatus.values)
def test_every_status_has_its_mark_and_its_panel(status: str) -> None:
    assert "chip-" in get_template(f"predictions/status/{status}.html").render()
    get_template(f"predictions/answer/{status}.html")


@pytest.mark.parametrize("status", CaseStatus)
def test_every_state_of_a_case_has_its_mark(status: CaseStatus) -> None:
    mark = get_template(f"predictions/case_status/{status}.html").render()
    assert status.label in mark


@pytest.mark.parametrize("outcome", Outcome.values)
def test_every_outcome_has_its_mark_and_its_verdict(outcome: str) -> None:
    mark = get_template(f"predictions/outcome/{outcome}.html").render()
    assert f"chip-{outcome}" in mark
    assert "model" in get_template(f"predictions/verdict/{outcome}.html").render({})


def stylesheet() -> str:
    return Path(str(finders.find("css/portal.css"))).read_text()


def palettes() -> dict[str, dict[str, str]]:
    """The custom properties that are colours, light and dark."""
    light, dark = re.findall(r":root \{(.*?)\}", stylesheet(), re.DOTALL)
    found = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
        for name, block in (("light", light), ("dark", dark))
    }
    return {"light": found["light"], "dark": found["light"] | found["dark"]}


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * d for d in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_every_ink_can_be_read_on_its_ground(theme: str, ink: str, ground: str) -> None:
    palette = palettes()[theme]
    assert contrast(palette[ink], palette[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_borders_of_what_can_be_operated_are_seen(theme: str) -> None:
    palette = palettes()[theme]
    for ground in ("surface", "ground", "sunken"):
        assert contrast(palette["line-strong"], palette[ground]) >= 3


def test_legend_has_the_colours_of_the_heatmap() -> None:
    ramp = re.search(r"linear-gradient\(90deg, ([^)]*)\)", stylesheet())
    assert ramp
    shown = ramp[1].split(", ")
    drawn = colours()
    for place, colour in enumerate(shown):
        level = round(place * 255 / (len(shown) - 1))
        expected = "#{:02x}{:02x}{:02x}".format(*drawn[level])
        assert colour == expected


def test_templates_hold_no_inline_script_or_style() -> None:
    folders = [
        Path(histoapp.__path__[0], "templates"),
        Path(predictions.__path__[0], "templates"),
    ]
    pages = [page for folder in folders for page in folder.rglob("*.html")]
    assert len(pages) > 20
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|hx-on", text), page
