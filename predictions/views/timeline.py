"""What happened to a case, in words that a person reads: from the audit trail."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from predictions.models import AuditEvent, Case, Consent, Image, Priority
from predictions.services.cases import CHANGES
from predictions.views.casework import PageCase
from predictions.views.shown import percent

MOST = 200
# Who looked at what is for the trail's own page, and would drown the rest.
UNTOLD = ("image.read", "case.read")


@dataclass(frozen=True)
class Line:
    """One event: who, what, about which image (if any, amid the words), when."""

    at: datetime
    who: str
    words: str
    image: str
    address: str
    more: str


@dataclass(frozen=True)
class Timeline:
    """The newest events, the newest first, and whether there are older ones."""

    lines: list[Line]
    is_cut: bool
    fingerprint: str


@dataclass(frozen=True)
class _Known:
    """What ids stand for on this case."""

    images: Mapping[str, str] = field(default_factory=dict)  # analysis id: image id
    people: Mapping[int, str] = field(default_factory=dict)


def timeline(case: PageCase, images: Iterable[Image], user: User) -> Timeline:
    """Of the case, its images with their analyses, and its fetches.

    One query by the index of subjects; one more for people who had the case once.
    """
    asked = {str(a.pk): str(image.pk) for image in images for a in image.analyses.all()}
    subjects = [
        f"case:{case.pk}",
        *(f"image:{image.pk}" for image in images),
        *(f"analysis:{pk}" for pk in asked),
        *(f"fetch:{pk}" for pk in case.fetch_ids),
    ]
    events = list(
        AuditEvent.objects.visible_to(user)
        .filter(subject__in=subjects)
        .exclude(action__in=UNTOLD)
        .order_by("-at", "-sequence")[: MOST + 1]
    )
    known = _Known(asked, _people(events, case))
    return Timeline(
        lines=[_line(event, known) for event in events[:MOST]],
        is_cut=len(events) > MOST,
        fingerprint=str(events[0].pk) if events else "",
    )


def _people(events: Iterable[AuditEvent], case: Case) -> dict[int, str]:
    """The names of those whom the case was given to or taken from."""
    at_hand = {
        person.pk: person.get_username()
        for person in (case.assignee, case.created_by)
        if person
    }
    ids = {
        event.detail[side].get("assignee_id")
        for event in events
        if event.action in CHANGES
        for side in ("before", "after")
    } - {None}
    if ids <= at_hand.keys():
        return at_hand
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username"))


def _line(event: AuditEvent, known: _Known) -> Line:
    kind, _, subject_id = event.subject.partition(":")
    image_id = {
        "image": subject_id,
        "analysis": known.images.get(subject_id, ""),
    }.get(kind, str(event.detail.get("image", "")))
    words, marked, more = WORDS.get(event.action, _something)(event, known).partition(
        IT
    )
    if not marked:
        image_id = ""
    return Line(
        at=event.at,
        who=_who(event),
        words=words,
        image=image_id[:8],
        address=reverse("image-detail", args=[image_id]) if image_id else "",
        more=more,
    )


def _who(event: AuditEvent) -> str:
    if event.action == "analysis.answer":
        return str(event.detail.get("model", "The model")).replace(":", " v")
    return "The system" if event.actor_id is None else event.actor


# --- Words ----------------------------------------------------------------------
# After the name of who did it.

IT = "\N{OBJECT REPLACEMENT CHARACTER}"  # Here the image is named, and led to.
Words = Callable[[AuditEvent, _Known], str]


def _say(words: str) -> Words:
    return lambda _event, _known: words


def _something(event: AuditEvent, known: _Known) -> str:
    """For an action that came later than this list."""
    return "did something that this page has no words for yet"


def _assigned(event: AuditEvent, known: _Known) -> str:
    before, after = (event.detail[side]["assignee_id"] for side in ("before", "after"))
    if after is None:
        return f"took the case from {_person(before, event, known)}"
    return f"gave the case to {_person(after, event, known)}"


def _person(person_id: int | None, event: AuditEvent, known: _Known) -> str:
    if person_id is None:
        return "nobody"
    if person_id == event.actor_id:
        return "themselves"
    return known.people.get(person_id, "somebody")


def _changed(event: AuditEvent, known: _Known) -> str:
    words = (_change_of(name, event, known) for name in event.detail["changed"])
    return ", ".join(words)


def _change_of(name: str, event: AuditEvent, known: _Known) -> str:
    after: dict[str, Any] = event.detail["after"]
    if name == "assignee":
        return _assigned(event, known)
    if name == "priority":
        return f"made the case {Priority(after[name]).label.lower()}"
    if name == "training_consent":
        consent = Consent(after[name]).label.lower()
        return f"set the consent to training use to “{consent}”"
    return f"changed the {name.replace('_', ' ')}"


def _answered(event: AuditEvent, known: _Known) -> str:
    probability = event.detail.get("probability")
    score = "" if probability is None else f", {percent(probability)}"
    return f"answered “{event.detail.get('outcome')}”{score}, about {IT}"


def _reviewed(event: AuditEvent, known: _Known) -> str:
    verdict = str(event.detail.get("verdict", "")).replace("_", " ")
    view = {True: ", as the model did", False: ", unlike the model"}
    return f"read {IT} as “{verdict}”{view.get(event.detail.get('agrees'), '')}"


def _moved(event: AuditEvent, known: _Known) -> str:
    if "to" in event.detail:
        return f"moved {IT} to another case"
    return f"moved {IT} here from another case"


def _spacing(event: AuditEvent, known: _Known) -> str:
    return f"stated the spacing of {IT}: {event.detail.get('spacing_um')} µm/px"


def _failed(event: AuditEvent, known: _Known) -> str:
    return f"gave up on {IT}: {event.detail.get('reason', '')}"


def _fetch_failed(event: AuditEvent, known: _Known) -> str:
    return f"could not fetch an image: {event.detail.get('reason', '')}"


WORDS: Mapping[str, Words] = {
    "case.open": _say("opened the case"),
    "case.assign": _assigned,
    "case.change": _changed,
    "message.post": _say("wrote a message"),
    "image.accept": _say(f"uploaded {IT}"),
    "image.original": _say(f"took the original file of {IT}"),
    "image.state_spacing": _spacing,
    "image.withdraw": _say(f"withdrew {IT}"),
    "image.move": _moved,
    "image.purge": _say(f"removed the files of {IT} after the retention period"),
    "analysis.ask_again": _say(f"asked again about {IT}"),
    "analysis.cancel": _say(f"cancelled the analysis of {IT}"),
    "analysis.answer": _answered,
    "analysis.fail": _failed,
    "review.record": _reviewed,
    "fetch.ask": _say("asked to fetch an image from the internet"),
    "fetch.cancel": _say("took back a fetch from the internet"),
    "fetch.deliver": _say(f"fetched {IT} from the internet"),
    "fetch.fail": _fetch_failed,
}
