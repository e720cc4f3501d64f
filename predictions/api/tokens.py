"""One's own tokens: a program can make others, never mightier than its own."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from predictions.api.filters import ListedFilter, TokenQuery
from predictions.api.repeats import ShownOnce
from predictions.api.requests import checked, found, person
from predictions.api.serializers.people import (
    KEEP_IT,
    SHOWN,
    NewTokenOut,
    TokenIn,
    TokenOut,
)
from predictions.api.views import ApiView
from predictions.models import ApiToken, Scope
from predictions.services.tokens import issue_token, revoke_token


class TokenViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[ApiToken]):
    """The tokens of the token's owner."""

    queryset = ApiToken.objects.none()
    serializer_class = TokenOut
    filter_backends = [ListedFilter]
    query_class = TokenQuery
    needs = {"list": Scope.READ, "create": Scope.WRITE, "revoke": Scope.WRITE}

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.filter(user=person(self.request))

    @extend_schema(request=TokenIn, responses={201: NewTokenOut})
    def create(self, request: Request) -> Response:
        """Make a token that may as much as this one, or less."""
        context = {"token": request.auth, "now": timezone.now()}
        said = checked(TokenIn(data=request.data, context=context))
        token, secret = issue_token(
            user=person(request),
            name=said["name"],
            scopes=said["scopes"],
            life=said["days"],
        )
        shown = {**TokenOut(token).data, "secret": secret, "secret_note": KEEP_IT}
        return ShownOnce(shown, {"secret": None, "secret_note": SHOWN}, status=201)

    @extend_schema(request=None, responses={200: TokenOut})
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: UUID) -> Response:
        """End a token at once; also the very one that asks."""
        token = found(self.get_queryset(), pk)
        revoke_token(token=token, revoked_by=person(request))
        token.refresh_from_db()
        return Response(TokenOut(token).data)
