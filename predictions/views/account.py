"""A person's own account: API tokens and the password."""

from functools import partial
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.views.decorators.http import require_http_methods

from predictions.forms.people import PasswordForm, TokenForm
from predictions.models import Scope
from predictions.services.errors import ServiceError
from predictions.services.tokens import issue_token, revoke_token
from predictions.views import confirming, people_queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.confirming import Question, confirmed
from predictions.views.queries import found


@require_http_methods(confirming.METHODS)
@signed_in
def token_list(request: SignedInRequest) -> HttpResponse:
    """The person's tokens; after making one, this once, its secret."""
    form = TokenForm(request.POST or None)
    context: dict[str, object] = {"form": form, "scopes": dict(Scope.choices)}
    if request.method == "POST" and form.is_valid():
        try:
            token, secret = issue_token(user=request.user, **form.cleaned_data)
        except ServiceError as error:
            form.add_error(None, str(error))
        else:
            context |= {"made": token, "secret": secret, "form": TokenForm()}
    context["tokens"] = people_queries.tokens(request.user)
    status = 422 if form.errors else 200
    return render(request, "predictions/people/tokens.html", context, status=status)


@require_http_methods(confirming.METHODS)
@signed_in
def token_revoke(request: SignedInRequest, token_id: UUID) -> HttpResponse:
    token = found(people_queries.tokens(request.user), token_id)
    question = Question(
        title=f"Revoke the token “{token.name}”?",
        words="The program that uses it is refused at its next request, for good. You "
        "can make another token.",
        action="Revoke the token",
        done=f"The token “{token.name}” is revoked.",
        back=reverse("token-list"),
    )
    revoke = partial(revoke_token, token=token, revoked_by=request.user)
    return confirmed(request, question, revoke)


class PasswordChange(PasswordChangeView):
    """Another password; this session goes on, the person's other ones end."""

    template_name = "predictions/people/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("case-list")

    def form_valid(self, form: PasswordForm) -> HttpResponse:  # type: ignore[override]  # The only form here.
        messages.success(
            self.request, "Your password is changed. Other sessions of yours ended."
        )
        return super().form_valid(form)

    def form_invalid(self, form: PasswordForm) -> HttpResponse:  # type: ignore[override]  # The only form here.
        response = super().form_invalid(form)
        response.status_code = 422
        return response


password_change = signed_in(PasswordChange.as_view())
