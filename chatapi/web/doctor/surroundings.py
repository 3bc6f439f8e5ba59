"""What surrounds an installation: variables, languages, the port, Redis."""

import difflib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

from django.conf import settings

from chatapi.env import SECRET_NAMES, Env
from chatapi.web.doctor.finding import Finding, fail, ok, warn

LOOKS_LIKE = 0.85
KNOWN = frozenset(Env.model_fields) | {f"{name}_FILE" for name in SECRET_NAMES}

EARLIER = {
    "SQLITE_PATH": "the database is DATA_DIR/chatapi.db; files of earlier products can't be read",
    "SQL_MAX_LIFETIME": "set SQL_CONN_MAX_LIFETIME, in minutes",
    "ADJUSTHOUR": "set TZ: days and hours are those of that zone",
}
"""What earlier products read beside what their documentation names."""


def check_variables() -> Iterator[Finding]:
    """Wrong values never come this far: no command starts with them."""
    given = sorted(name for name in KNOWN if os.environ.get(name))
    yield ok("variables", f"set: {', '.join(given)}" if given else "all at their defaults")
    for name in sorted(os.environ.keys() - KNOWN):
        if name in EARLIER:
            yield warn("variables", f"{name} means nothing here", EARLIER[name])
            continue
        near = difflib.get_close_matches(name, KNOWN, 1, LOOKS_LIKE)
        if near:
            yield warn("variables", f"{name} means nothing here", f"did you mean {near[0]}?")
    if settings.ENV.database is None:
        return
    for name in ("SESSION_SECRET", "DATA_KEYS"):
        if not getattr(settings.ENV, name).get_secret_value():
            found = f"{name} is generated into DATA_DIR"
            yield warn("variables", found, f"with more than one node, give all the same {name}")


def check_languages() -> Iterator[Finding]:
    for code, label in settings.LANGUAGES:
        if code == "en":
            continue
        folder = settings.BASE_DIR / "locale" / _locale_name(code) / "LC_MESSAGES"
        source, compiled = folder / "django.po", folder / "django.mo"
        if not compiled.exists():
            yield warn("languages", f"{label} is not compiled, texts are English", "make messages")
        elif source.exists() and source.stat().st_mtime > compiled.stat().st_mtime + 1:
            yield warn("languages", f"{label} is older than its texts", "make messages")
        else:
            yield ok("languages", f"English, {label}; default {settings.LANGUAGE_CODE}")


def check_port() -> Iterator[Finding]:
    port = settings.ENV.PORT
    family = socket.AF_INET6 if ":" in settings.ENV.HOST else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.ENV.HOST, port))
    except PermissionError:
        advice = "choose a port from 1024 on, and let a proxy or the container map it"
        yield fail("port", f"this user may not open port {port}", advice)
    except OSError as error:
        if is_our_server(port):
            yield ok("port", f"{port}: a server of ours answers")
        else:
            advice = f"stop what uses it (ss -ltnp 'sport = :{port}'), or set PORT"
            yield fail("port", f"{port}: {error.strerror}", advice)
    else:
        yield ok("port", f"{port} is free: nothing serves at the moment")


def check_redis() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        yield ok("redis", "not used; nodes ask the database for changes")
        return
    import redis  # noqa: PLC0415 -- only where Redis is set
    from redis.exceptions import RedisError  # noqa: PLC0415

    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3)
    try:
        info = client.info("server")
    except (RedisError, OSError) as error:
        advice = "check REDIS_CONN_STRING; calls go on, background work and page limits do not"
        yield fail("redis", " ".join(str(error).split())[:200], advice)
    else:
        yield ok("redis", f"version {info['redis_version']}")


def is_our_server(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=3) as answer:
            return bool(answer.read(100) == b'{"status":"ok"}')
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _locale_name(code: str) -> str:
    language, _, script = code.partition("-")
    return f"{language}_{script.title()}" if script else language
