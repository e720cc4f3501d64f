"""What is read to be shown: visible rows, with what their shapes need."""

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet

from predictions.models import Analysis, Image, Prediction, Review


def reviews() -> QuerySet[Review]:
    """The newest first."""
    return Review.objects.select_related("reader").order_by("-created_at", "pk")


def images(user: User) -> QuerySet[Image]:
    """With their analyses, the newest first, and those analyses' answers."""
    history = (
        Analysis.objects.select_related(
            "asked_by", "image", "prediction__model_version"
        )
        .prefetch_related(Prefetch("prediction__reviews", reviews()))
        .order_by("-created_at", "pk")
    )
    return (
        Image.objects.visible_to(user)
        .select_related(
            "case__laboratory", "specimen", "uploaded_by", "withdrawn_by", "moved_to"
        )
        .prefetch_related(Prefetch("analyses", history))
    )


def analyses(user: User) -> QuerySet[Analysis]:
    """With their answers and the reviews of these."""
    return (
        Analysis.objects.visible_to(user)
        .select_related(
            "asked_by", "image__case__laboratory", "prediction__model_version"
        )
        .prefetch_related(Prefetch("prediction__reviews", reviews()))
    )


def predictions(user: User) -> QuerySet[Prediction]:
    """With their images and reviews."""
    return (
        Prediction.objects.visible_to(user)
        .select_related("analysis__image__case__laboratory", "model_version")
        .prefetch_related(Prefetch("reviews", reviews()))
    )
