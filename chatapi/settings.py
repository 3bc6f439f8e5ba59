"""Django's settings: everything that varies comes from `chatapi.env`."""

import os
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
from kombu.transport import TRANSPORT_ALIASES

from chatapi.env import load_env
from chatapi.lib.dsn import Database
from chatapi.lib.secrets import InvalidKeyRing, make_key_ring_text, parse_key_ring, read_or_make
from chatapi.options.registry import OPTION_FIELDS, OPTION_FIELDSETS, OPTIONS

# Before anything that looks at Django's settings: it would set TZ to Django's own default.
ENV = env = load_env()
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.DATA_DIR.resolve()
try:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    sys.stderr.write(f"Chat API cannot start: DATA_DIR {DATA_DIR}: {error.strerror}\n")
    raise SystemExit(2) from error

SECRET_KEY = env.SESSION_SECRET.get_secret_value() or read_or_make(
    DATA_DIR / "session_secret", lambda: os.urandom(48).hex()
)
try:
    KEY_RING = parse_key_ring(
        env.DATA_KEYS.get_secret_value() or read_or_make(DATA_DIR / "data_keys", make_key_ring_text)
    )
except InvalidKeyRing as error:
    sys.stderr.write(f"Chat API cannot start: {error}\n")
    raise SystemExit(2) from error

DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "chatapi.urls"
ASGI_APPLICATION = "chatapi.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = [
    # HSTS is for this host alone, and for no browser's built-in list.
    "security.W005",
    "security.W021",
    # The proxy in front decides about TLS; in answers by https all cookies are secure.
    "security.W008",
    "security.W012",
    "security.W016",
    "security.W020",  # a gateway is called by whatever name its operator gives it
]

INSTALLED_APPS = [
    "chatapi.console.admin_config.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "constance",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "chatapi.options",
    "chatapi.accounts",
    "chatapi.console",
    "chatapi.web",
    "notifications",
    "billing",
    "channels_app",
    "relay",
]
MIDDLEWARE = [
    "chatapi.web.request_ids.RequestIdMiddleware",
    "chatapi.web.security.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "chatapi.web.static_files.StaticFilesMiddleware",
    "chatapi.web.frontend.FrontendRedirectMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chatapi.web.throttling.RateLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "chatapi.web.identity.session_age.SessionAgeMiddleware",
    "chatapi.accounts.quarantine.QuarantineMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chatapi.web.refused_methods.RefusedMethodMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chatapi.web.pages.frame.add_frame",
            ]
        },
    }
]


def database_settings(database: Database | None) -> dict[str, Any]:
    """Django's form of SQL_DSN; SQLite in DATA_DIR without one."""
    if database is None:
        # FULL costs one sync per transaction, and there are few of them: calls write to the
        # journal.
        pragmas = "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "chatapi.db",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": env.SQLITE_BUSY_TIMEOUT / 1000,
                "init_command": pragmas,
            },
        }
    settings: dict[str, Any] = {
        "ENGINE": database.engine,
        # Connections die unnoticed when the server restarts or a firewall forgets who is quiet;
        # without a look at them each would cost a call.
        "CONN_HEALTH_CHECKS": True,
        "NAME": database.name,
        "USER": database.user,
        "PASSWORD": database.password,
        "HOST": database.host,
        "PORT": database.port or "",
    }
    if database.vendor == "postgresql":
        processes = env.web_workers + 2
        settings["OPTIONS"] = {
            "connect_timeout": 5,
            "pool": {
                "min_size": 1,
                "max_size": max(4, min(env.SQL_MAX_OPEN_CONNS // processes, 32)),
                "max_idle": 60.0 * max(1, env.SQL_MAX_IDLE_CONNS // processes),
                "max_lifetime": env.SQL_CONN_MAX_LIFETIME * 60.0,
                "timeout": 5.0,
                # It waits twice as long after each failed try, and begins anew after so many
                # seconds: by default, minutes after the database is back.
                "reconnect_timeout": 15.0,
            },
        }
        if database.tls:
            settings["OPTIONS"]["sslmode"] = (
                "verify-full" if database.tls == "verify" else "require"
            )
        return settings
    settings["CONN_MAX_AGE"] = env.SQL_CONN_MAX_LIFETIME * 60
    settings["OPTIONS"] = {
        "charset": "utf8mb4",
        "isolation_level": "read committed",
        "connect_timeout": 5,
        "init_command": "SET SESSION sql_mode='STRICT_TRANS_TABLES', "
        "SESSION innodb_lock_wait_timeout=10",
    }
    if database.tls:
        settings["OPTIONS"]["ssl_mode"] = (
            "VERIFY_IDENTITY" if database.tls == "verify" else "REQUIRED"
        )
    return settings


DATABASES = {"default": database_settings(env.database)}

REDIS_URL = env.REDIS_CONN_STRING.get_secret_value()
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": 0.2,
            "SOCKET_TIMEOUT": 0.2,
            "IGNORE_EXCEPTIONS": True,
        },
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

PASSWORD_HASHERS = [
    "chatapi.accounts.hashers.OneLaneArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 8},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "chatapi.accounts.validators.NewPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["chatapi.accounts.backends.ThrottledBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_RESET_TIMEOUT = 30 * 60
EMAIL_TIMEOUT = 10

# Our own pages and forms, allauth's steps of signing in, second factors and list of sessions. Its
# throttles count in the cache, which a restart forgets: ours are in the database.
ACCOUNT_ADAPTER = "chatapi.web.identity.account_adapter.AccountAdapter"
ACCOUNT_RATE_LIMITS = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
MFA_ADAPTER = "chatapi.web.identity.mfa_adapter.MfaAdapter"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
TURNSTILE_VERIFY_URL = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
# Only in answers that go out by https.
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# No upload becomes a named file, which a killed process would leave behind. How long bodies may be
# says `chatapi.web.body_limit`.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 9 * 1024 * 1024
# A comparison of price lists has a box for each model.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6000

LANGUAGE_CODE = env.LANGUAGE_CODE
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.TZ
USE_TZ = True
USE_I18N = True

# WhiteNoise serves from where the files are: nothing is collected.
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "chatapi" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "chatapi.web.api.authentication.HeaderAuthentication",
        "chatapi.web.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["chatapi.web.api.levels.HasScope"],
    "DEFAULT_PARSER_CLASSES": [
        "chatapi.web.api.parsing.JsonBody",
        "chatapi.web.api.parsing.UnlabelledJson",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "chatapi.web.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "chatapi.web.api.errors.answer_error",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chat API",
    "DESCRIPTION": "What the pages can do, for programs. Calls of models are at /v1.",
    # Of the paths; the program's own is told to staff alone.
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "PARSER_WHITELIST": ["chatapi.web.api.parsing.JsonBody"],
    "PREPROCESSING_HOOKS": ["chatapi.web.api.schema.first_forms"],
    # Choices are told in place: named, several fields of one name would have to share one.
    "POSTPROCESSING_HOOKS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
}

CONSTANCE_BACKEND = "constance.backends.database.DatabaseBackend"
CONSTANCE_CONFIG = OPTIONS
CONSTANCE_ADDITIONAL_FIELDS = OPTION_FIELDS
# Pairs instead of a dictionary: those keep their order on the page.
CONSTANCE_CONFIG_FIELDSETS = tuple(OPTION_FIELDSETS.items())
CONSTANCE_IGNORE_ADMIN_VERSION_CHECK = True

EMAIL_BACKEND = "notifications.mail.OptionsEmailBackend"

LOGGING_CONFIG = None

if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
else:
    QUEUE_DIR = DATA_DIR / "queue"
    QUEUE_DIR.mkdir(exist_ok=True)
    TRANSPORT_ALIASES["folder"] = "chatapi.lib.folder_queue:Transport"
    CELERY_BROKER_URL = "folder://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(DATA_DIR / "queue-control"),
        "polling_interval": 1.0,
    }
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Work waits for others: mail servers, providers, payment gateways. A slow one keeps one thread
# waiting, and nothing else.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 8
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat")
CELERY_BEAT_SCHEDULE = {
    "forget-sessions": {"task": "accounts.forget_sessions", "schedule": 6 * 3600.0},
    "mail-links": {
        "task": "accounts.mail_links",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "expire-lots": {"task": "billing.expire_lots", "schedule": 60.0},
    "renew-limits": {
        "task": "billing.renew_limits",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "warn-of-expiry": {"task": "billing.warn_of_expiry", "schedule": 600.0},
    "ask-orders": {
        "task": "billing.ask_orders",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "audit": {
        "task": "billing.audit",
        "schedule": 24 * 3600.0,
        "options": {"expires": 3600},
    },
    "check-balances": {
        "task": "billing.check_balances",
        "schedule": 3600.0,
        "options": {"expires": 600},
    },
    "watch-balances": {
        "task": "billing.watch_balances",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "watch-journals": {
        "task": "billing.watch_journals",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "clean": {"task": "billing.clean", "schedule": 3600.0},
    "forget-changes": {"task": "billing.forget_changes", "schedule": 3600.0},
    "forget-responses": {"task": "relay.forget_responses", "schedule": 300.0},
    "forget-texts": {"task": "relay.forget_texts", "schedule": 300.0},
    "poll-midjourney": {
        "task": "relay.poll_midjourney",
        "schedule": 10.0,
        # Rounds that waited for a worker are not made up for.
        "options": {"expires": 10},
    },
    "send-notices": {
        "task": "notifications.send",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "forget-notices": {"task": "notifications.forget", "schedule": 3600.0},
    "retest-channels": {
        "task": "channels.retest",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "test-channels": {
        "task": "channels.test_when_due",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "watch-models": {
        "task": "channels.watch_models_when_due",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "refresh-balances": {
        "task": "channels.refresh_balances_when_due",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
}
