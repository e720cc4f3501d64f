"""Whether the real settings load with an environment, and nothing besides it."""

import subprocess
import sys

from tests.data import REPOSITORY


def load_settings(environment: dict[str, str]) -> None:
    """Fails with what the settings said."""
    loading = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        cwd=REPOSITORY,
        env={**environment, "DJANGO_SETTINGS_MODULE": "histoapp.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert loading.returncode == 0, loading.stderr
