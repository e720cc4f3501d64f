"""Signing in and out. Registration is closed: an administrator makes accounts."""

from django.contrib.auth.views import LoginView

from predictions.forms.sign_in import SignInForm


class SignIn(LoginView):
    """Answers the same words for a wrong password, a wrong name, a closed account."""

    template_name = "login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
