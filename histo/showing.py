"""What a case came to: as a table for a person, as JSON for a program."""

from collections.abc import Iterable

from rich.table import Table

from histo.api import Api, Json

NOTICE = "Research use only. Not for diagnostic use."
ALMOST_NEVER = 0.01
UNFINISHED = ("accepted", "running")


def images_of(api: Api, case_id: str) -> list[Json]:
    """Every image of the case, with its newest analysis."""
    return list(api.rows(f"cases/{case_id}/images"))


def is_unfinished(image: Json) -> bool:
    analysis = image["analysis"]
    return analysis is not None and analysis["status"] in UNFINISHED


def has_failed(image: Json) -> bool:
    analysis = image["analysis"]
    return analysis is not None and analysis["status"] == "failed"


def answers_table(case: Json, images: Iterable[Json]) -> Table:
    """One row an image: what the model said, and which model it was."""
    table = Table(title=f"Case {case['accession_number']}", caption=NOTICE)
    for head in ("Image", "Specimen", "Status", "Outcome", "Probability", "Model"):
        table.add_column(head, overflow="fold")
    for image in images:
        table.add_row(
            image.get("filename") or image["id"][:8],
            image["specimen"],
            *_answer(image),
        )
    return table


def _answer(image: Json) -> tuple[str, str, str, str]:
    analysis = image["analysis"]
    if image.get("withdrawn"):
        return "withdrawn", "void", "", ""
    if analysis is None:
        return "not asked", "", "", ""
    prediction = analysis["prediction"]
    if prediction is None:
        return analysis["status"], analysis["failure_reason"], "", ""
    model = prediction["model"]
    assumed = ", spacing assumed" if prediction["spacing_assumed"] else ""
    return (
        analysis["status"],
        ": ".join(filter(None, [prediction["outcome"], prediction["refusal_reason"]])),
        _probability(prediction),
        f"{model['name']} v{model['version']}{assumed}",
    )


def _probability(prediction: Json) -> str:
    """In per cent, with its interval where the model states one."""
    known = prediction["probability"]
    if known is None:
        return ""
    low, high = prediction.get("interval_low"), prediction.get("interval_high")
    if low is None or high is None:
        return percent(known)
    return f"{percent(known)} ({percent(low)} to {percent(high)})"


def percent(probability: float) -> str:
    """Whole per cent; never a certainty that rounding made."""
    if probability < ALMOST_NEVER:
        return "< 1 %"
    if probability > 1 - ALMOST_NEVER:
        return "> 99 %"
    return f"{probability * 100:.0f} %"


def cases_table(cases: Iterable[Json]) -> Table:
    """One row a case."""
    table = Table()
    for head in ("Accession number", "Patient", "Priority", "Assignee", "Opened"):
        table.add_column(head, overflow="fold")
    for case in cases:
        table.add_row(
            case["accession_number"],
            case["patient"],
            case["priority"],
            case["assignee"] or "nobody",
            case["created_at"],
        )
    return table
