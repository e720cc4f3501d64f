"""The one settings file: read from the environment, failing loudly.

Every variable read here is described in docs/settings.md. `manage.py up` writes a
complete set for a laptop into var/environment.
"""

from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=True)  # False only on a laptop, over loopback.
SECRET_KEY = env.str("SECRET_KEY")
MIN_SECRET_LENGTH = 50
if len(SECRET_KEY) < MIN_SECRET_LENGTH or "insecure" in SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY must be at least 50 random characters: "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )
if DEBUG and HTTPS:
    raise ImproperlyConfigured("DEBUG is for a laptop: set HTTPS=0 with it, or unset.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "histoapp",
    "predictions",
    "worker",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "histoapp.sessions.SessionLimits",
]

ROOT_URLCONF = "histoapp.urls"
WSGI_APPLICATION = "histoapp.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "histoapp" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "predictions.views.navigation.navigation",
            ],
        },
    },
]

# --- The record -------------------------------------------------------------
# `default` is the application's role: it may only insert into and read the audit
# table. `owner` exists where DATABASE_OWNER_URL is set, and only migrates.
DATABASES = {"default": env.db("DATABASE_URL")}
if "DATABASE_OWNER_URL" in env.ENVIRON:
    DATABASES["owner"] = env.db("DATABASE_OWNER_URL")
for _database in DATABASES.values():
    if _database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 3)
DATABASE_APP_ROLE = env.str("DATABASE_APP_ROLE", default="histoapp_app")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- The queue, the model server --------------------------------------------
REDIS_URL = env.str("REDIS_URL")
SERVING_ADDRESS = env.str("SERVING_ADDRESS")
SERVING_MODEL = env.str("SERVING_MODEL", default="breast-mil")
SERVING_AUTHORITY = (
    Path(known) if (known := env.str("SERVING_AUTHORITY", default="")) else None
)
WORKER_SLOTS = env.int("WORKER_SLOTS", default=2)

# --- Images -----------------------------------------------------------------
STORAGE_ROOT = Path(env.str("STORAGE_ROOT"))
MAX_UPLOAD_BYTES = 100 * 1000 * 1000
MIN_FREE_BYTES = env.int("MIN_FREE_BYTES", default=500 * 1000 * 1000)
# A body slower than this after its first ten seconds is a stalled one.
MIN_UPLOAD_BYTES_PER_S = env.int("MIN_UPLOAD_BYTES_PER_S", default=4096)
FILE_UPLOAD_HANDLERS = ["predictions.uploads.PartUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 50
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# --- People -----------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["histoapp.accounts.MembersBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
CSRF_FAILURE_VIEW = "histoapp.errors.csrf_failed"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "case-list"
LOGOUT_REDIRECT_URL = "login"
# Tries to sign in, right ones included: as many as a person needs, and a hospital
# behind one address; then the window has to pass.
SIGN_INS_PER_ACCOUNT = env.int("SIGN_INS_PER_ACCOUNT", default=10)
SIGN_INS_PER_ADDRESS = env.int("SIGN_INS_PER_ADDRESS", default=100)
SIGN_IN_WINDOW_S = env.int("SIGN_IN_WINDOW_S", default=900)
SESSION_IDLE_S = env.int("SESSION_IDLE_S", default=1800)
SESSION_LIMIT_S = env.int("SESSION_LIMIT_S", default=12 * 3600)  # A working day.
SESSION_COOKIE_AGE = SESSION_LIMIT_S
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True  # Scripts read the token from the page.

# --- Browsers ---------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # Probes speak plain HTTP inside the pod.
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
TRUST_PROXY = env.bool("TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT"))
STATICFILES_DIRS = [
    BASE_DIR / "histoapp" / "static",
    ("openseadragon", BASE_DIR / "node_modules" / "openseadragon" / "build"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- API --------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["predictions.api.authentication.Bearer"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "predictions.api.pagination.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "predictions.api.schema.Schema",
    "EXCEPTION_HANDLER": "predictions.api.problems.answer",
}
API_READS_PER_MINUTE = env.int("API_READS_PER_MINUTE", default=1200)
API_WRITES_PER_MINUTE = env.int("API_WRITES_PER_MINUTE", default=300)
SPECTACULAR_SETTINGS = {
    "TITLE": "histoapp",
    "VERSION": "1",
    "DESCRIPTION": (
        "Cases, images and a model's answers. "
        "Research use only. Not for diagnostic use."
    ),
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "predictions.models.job.JobStatus",
        "CaseStatus": "predictions.models.CaseStatus",
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "histoapp.logs.OneLineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Its finer levels name the hosts that somebody has an image fetched from.
    "loggers": {"httpcore": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
