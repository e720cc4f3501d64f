"""The record in a person's words: what the templates print as it stands."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

from django.contrib.auth.models import User
from django.template.loader import render_to_string

from predictions.models import Analysis, Image, JobStatus, Outcome, Prediction, Review
from predictions.models.job import UNFINISHED
from predictions.views.queries import Counts

TOP_TILES = 8
ALMOST_NEVER = 0.01
TWO_DIGITS = 9.95  # From here on, whole per cent has two.
UPRIGHT = 1  # EXIF's word for it.
# PostgreSQL keeps no order of keys; this is the worker's.
STEPS = {
    "decode": "Reading the tiles",
    "embed": "Embedding the tiles",
    "aggregate": "Weighing the tiles to one score",
    "draw": "Drawing the heatmap",
}
# The order of a summary: what needs a person first.
URGENCY = [
    *(
        (JobStatus.SUCCEEDED, outcome)
        for outcome in (Outcome.MALIGNANT, Outcome.REFER, Outcome.REFUSED)
    ),
    (JobStatus.FAILED, None),
    (JobStatus.SUCCEEDED, Outcome.BENIGN),
    (JobStatus.RUNNING, None),
    (JobStatus.ACCEPTED, None),
    (JobStatus.CANCELLED, None),
]


def percent(probability: float) -> str:
    """Whole per cent; never a certainty that rounding made."""
    if probability < ALMOST_NEVER:
        return "< 1 %"
    if probability > 1 - ALMOST_NEVER:
        return "> 99 %"
    return f"{probability:.0%}".replace("%", " %")


def interval(low: float | None, high: float | None) -> str:
    """Two ends in per cent, with the sign once; empty where none is stated."""
    if low is None or high is None:
        return ""
    return f"{percent(low).removesuffix(' %')}–{percent(high)}"


def share_of(attention: float) -> str:
    """Per cent to two digits: of hundreds of tiles, each has less than one."""
    per_cent = 100 * attention
    return f"{per_cent:.0f} %" if per_cent >= TWO_DIGITS else f"{per_cent:.2g} %"


def chip_of(status: str, outcome: str | None) -> str:
    """The template of a state's mark: the outcome's once there is one."""
    kind, name = ("outcome", outcome) if outcome else ("status", status)
    return f"predictions/{kind}/{name}.html"


@lru_cache(maxsize=1000)
def mark_of(chip: str, count: int = 0) -> str:
    """A state's mark, drawn: of the two hundred on a list most are alike."""
    return render_to_string(chip, {"count": count})


@dataclass(frozen=True)
class Tally:
    """How many images of a case are in one state."""

    chip: str
    count: int

    @property
    def mark(self) -> str:
        return mark_of(self.chip, self.count)


def tallies(counts: Counts) -> list[Tally]:
    """A case's images by state, the pressing ones first."""
    return [
        Tally(chip_of(*state), counts[state]) for state in URGENCY if state in counts
    ]


@dataclass(frozen=True)
class Scale:
    """A probability on a line from 0 to 100 %, with the model's refer band."""

    at: float
    low: float
    high: float
    span: tuple[float, float] | None = None  # The interval's ends.

    @property
    def span_width(self) -> float:
        return self.span[1] - self.span[0] if self.span else 0.0

    @property
    def band(self) -> float:
        return self.high - self.low

    @property
    def rest(self) -> float:
        return 100 - self.high


@dataclass(frozen=True)
class TopTile:
    """One tile that the model looked at most, in pixels of the image."""

    rank: int
    left: float
    top: float
    side: float
    share: str


class Answer:
    """A prediction, ready to be printed."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction
        self.model = prediction.model_version
        self.contract = prediction.model_version.contract
        self.panel = f"predictions/verdict/{prediction.outcome}.html"

    @property
    def probability(self) -> str:
        """In per cent; empty for a refusal."""
        known = self.prediction.probability
        return "" if known is None else percent(known)

    @property
    def interval(self) -> str:
        """Of the probability, in per cent; empty where the model states none."""
        return interval(self.prediction.interval_low, self.prediction.interval_high)

    @cached_property
    def scale(self) -> Scale | None:
        low, high = self.contract.get("refer_low"), self.contract.get("refer_high")
        known = self.prediction.probability
        if known is None or low is None or high is None:
            return None
        return Scale(at=known * 100, low=low * 100, high=high * 100, span=self._span)

    @property
    def _span(self) -> tuple[float, float] | None:
        low, high = self.prediction.interval_low, self.prediction.interval_high
        return None if low is None or high is None else (low * 100, high * 100)

    @property
    def top_tiles(self) -> list[TopTile]:
        tiles = sorted(self.prediction.tiles, key=lambda tile: -tile["attention"])
        return [
            TopTile(
                rank=rank,
                left=tile["left"],
                top=tile["top"],
                side=tile["side"],
                share=share_of(tile["attention"]),
            )
            for rank, tile in enumerate(tiles[:TOP_TILES], start=1)
        ]


class Question:
    """An analysis, ready to be printed."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.is_unfinished = analysis.status in UNFINISHED
        prediction: Prediction | None = getattr(analysis, "prediction", None)
        self.answer = Answer(prediction) if prediction else None
        self.chip = chip_of(analysis.status, prediction.outcome if prediction else None)
        self.panel = f"predictions/answer/{analysis.status}.html"

    @cached_property
    def readings(self) -> list[Review]:
        """What pathologists made of the answer; the first one counts."""
        return list(self.answer.prediction.reviews.all()) if self.answer else []

    @property
    def steps(self) -> list[tuple[str, float]]:
        """Seconds by step, from the asking to the answer."""
        asked, began = self.analysis.created_at, self.analysis.started_at
        ended = self.analysis.finished_at
        if self.answer is None or began is None or ended is None:
            return []
        spent = self.answer.prediction.seconds
        return [
            ("Waiting until a worker took it", (began - asked).total_seconds()),
            *((words, spent[step]) for step, words in STEPS.items() if step in spent),
            *((step, spent[step]) for step in spent if step not in STEPS),
            ("From asking to answer", (ended - asked).total_seconds()),
        ]


class Picture:
    """An image with the history of what was asked about it, for one person."""

    def __init__(self, image: Image, user: User) -> None:
        self.image = image
        self.history = [Question(analysis) for analysis in image.analyses.all()]
        self.newest = self.history[0]
        self.number = str(image.pk)[:8]
        # May carry a patient's name: for its uploader's eyes only.
        self.filename = image.filename if image.uploaded_by_id == user.pk else ""

    @property
    def moved_to(self) -> Image | None:
        """Where it was accepted anew; None for who was not moved."""
        return getattr(self.image, "moved_to", None)

    @property
    def answered(self) -> Question | None:
        """The newest question with an answer: the one to be read."""
        return next((asked for asked in self.history if asked.answer), None)

    @property
    def title(self) -> str:
        """The name that its uploader knows it by; for others its number."""
        return self.filename or f"{self.image.case.accession_number} · {self.number}"

    @property
    def notes(self) -> list[str]:
        """What was done to the pixels before anybody, or any model, saw them."""
        notes = []
        if self.image.orientation != UPRIGHT:
            notes.append("Turned upright, as its EXIF orientation says.")
        if self.image.pages > 1:
            notes.append(f"The largest of {self.image.pages} levels was read.")
        return notes

    @property
    def needs_spacing(self) -> bool:
        """Whether no person and no file has said how large its pixels are."""
        return self.image.spacing_um is None or self.image.spacing_assumed

    @property
    def field_um(self) -> str:
        """The size of the field in µm, where the spacing is known."""
        if self.image.spacing_um is None:
            return ""
        width, height = (
            round(side_px * self.image.spacing_um)
            for side_px in (self.image.width_px, self.image.height_px)
        )
        return f"{width} × {height} µm"


def fingerprint(pictures: list[Picture]) -> str:
    """Changes exactly when a shown state does."""
    states = "".join(
        f"{picture.image.withdrawn_at or ''} "
        f"{picture.newest.analysis.pk} {picture.newest.chip} "
        f"{picture.newest.analysis.attempt} {picture.newest.analysis.given_back};"
        for picture in pictures
    )
    return hashlib.sha256(states.encode()).hexdigest()[:16]
