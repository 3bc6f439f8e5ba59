"""Logs as lines of JSON on standard output, with secrets masked."""

import json
import logging
import sys
from typing import Any, TextIO

import structlog

from chatapi.lib.masking import mask_value
from chatapi.lib.request_address import REQUEST_ID

OF_ROBOTS = frozenset({404, 405, 429})
"""Refusals that whoever passes by gets; the other ones are told one line each."""

ROUTINE = ("celery.beat", "celery.worker.strategy", "celery.app.trace")
"""They tell of each turn of each job, all day; of a failed one they still tell at ERROR."""


def configure_logs(level: str) -> None:
    """For structlog and the standard library alike."""
    number = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.processors.JSONRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _LineHandler(sys.stdout)
    handler.setFormatter(_LineFormatter(shared))
    handler.addFilter(quieten_refusal)
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(number, logging.WARNING))
    for name in ROUTINE:
        logging.getLogger(name).setLevel(number if number <= logging.DEBUG else logging.WARNING)


def mask_secrets(_logger: Any, _method: str, event: Any) -> Any:
    """Replace whole keys and passwords, wherever they stand in the values."""
    return {name: mask_value(value, name) for name, value in event.items()}


def quieten_refusal(record: logging.LogRecord) -> bool:
    """Django warns of each answer of 400 and more, some with a traceback: what clients do wrong is
    news at most, and no fault of the code.
    """
    status = getattr(record, "status_code", 0)
    if 400 <= status < 500:
        level = logging.DEBUG if status in OF_ROBOTS else logging.INFO
        record.levelno, record.levelname = level, logging.getLevelName(level)
        record.exc_info = None
    return record.levelno >= logging.getLogger().level


class _LineHandler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name
        """Where the log's disk is full, or nobody reads it, lines are lost, and no trace of each
        goes to standard error.
        """
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _LineFormatter(logging.Formatter):
    """Lines that are JSON already are masked already; others become JSON."""

    def __init__(self, processors: list[Any]) -> None:
        super().__init__()
        self._processors = processors
        self._render = structlog.processors.JSONRenderer()

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if message.startswith('{"') and message.endswith("}"):
            return _mask_line(message)
        event: Any = {"event": message, "logger": record.name}
        if hasattr(record, "status_code"):
            event["status"] = record.status_code
        if hasattr(record, "request"):
            event["request_id"] = record.request.META.get(REQUEST_ID, "")
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for processor in self._processors:
            event = processor(None, record.levelname.lower(), event)
        return str(self._render(None, "", event))


def _mask_line(message: str) -> str:
    """Also what only looks like one of our own lines."""
    try:
        return json.dumps(mask_value(json.loads(message)))
    except ValueError:
        return json.dumps({"event": mask_value(message)})
