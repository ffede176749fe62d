"""Logs: one line per event, JSON off a terminal, ids only; one processor masks what slips through.

Records of libraries take the same way. Below WARNING only those named here are heard, because others write
requests and their texts into theirs.
"""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from care.base.errors import CareError
from care.base.masking import mask_field, mask_foreign, mask_text
from care.base.settings_sections import LogSettings

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIET_LIBRARIES = ("alembic", "uvicorn")
"""Speak of no person: heard from INFO on."""

_CHATTY_LIBRARIES = ("apscheduler", "sqlalchemy.engine")
"""Speak of no person either, but at every tick and statement, a tick that is still at work among them: what is
no error is heard at debug level only."""

_DEEPEST_FRAMES = 12
_OWN_FIELDS = frozenset({"event", "level", "timestamp", "logger", "process"})


class _MaskedHandler(logging.StreamHandler[TextIO]):
    """Writes to the given stream, or to what stderr is at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        """Hear everything of ours, warnings of libraries, and the quiet libraries' progress."""
        super().__init__(stream or sys.stderr)
        self._follows_stderr = stream is None
        self.addFilter(_may_be_heard)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if self._follows_stderr:
            self.stream = sys.stderr
        super().emit(record)


def configure_logs(settings: LogSettings, *, process: str = "", stream: TextIO | None = None) -> None:
    """Send every record, ours and the libraries', through the masking processor to one stream.

    Args:
        settings: level and format.
        process: word that each line carries, such as `leader`, `web` or `dispatch`.
        stream: where to write; stderr when not given.
    """
    target = stream or sys.stderr
    level = _LEVELS[settings.level]
    as_json = settings.format == "json" or (settings.format == "auto" and not target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_our_logger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not as_json:
        renderer = structlog.dev.ConsoleRenderer(colors=target.isatty(), pad_event_to=28)
    handler = _MaskedHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _from_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask, _explain_error, renderer],
        )
    )
    _take_over(handler, level)


def configure_command_logs(settings: LogSettings) -> None:
    """Set up logs for a command that answers and ends: only warnings, unless debug was asked for."""
    quiet = settings if settings.level in ("debug", "error") else settings.model_copy(update={"level": "warning"})
    configure_logs(quiet)


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every field of an event; the one place through which all lines pass."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: Any) -> Any:
    if key == "exc_info":
        return value
    return mask_text(str(value)) if key in _OWN_FIELDS else mask_field(key, value)


def _our_logger(*_names: Any) -> logging.Logger:
    return logging.getLogger("care")


def _named(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if process:
            event["process"] = process
        return event

    return add


def _from_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep a library's words, less what they quote, under the library's name."""
    record = event["_record"]
    if record.levelno >= logging.WARNING or not _is_quiet(record.name):
        event["event"] = mask_foreign(str(event["event"]))
    event["logger"] = record.name
    return event


def _explain_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn an exception into its kind, its masked words and its frames; never locals, never source lines."""
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        words = mask_text(str(error)) if isinstance(error, CareError) else mask_foreign(str(error))
        event.update(error=type(error).__name__, problem=words, trace=_frames(error))
    return event


def _frames(error: BaseException) -> list[str]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{trace.tb_lineno} {trace.tb_frame.f_code.co_name}")
        trace = trace.tb_next
    return frames[-_DEEPEST_FRAMES:]


def _is_quiet(name: str) -> bool:
    known = (*_QUIET_LIBRARIES, *_CHATTY_LIBRARIES)
    return any(name == library or name.startswith(f"{library}.") for library in known)


def _may_be_heard(record: logging.LogRecord) -> bool:
    """Let pass what is ours, warnings of anybody, and progress of libraries that speak of no person."""
    if hasattr(record, "_logger") or record.levelno >= logging.WARNING:
        return True
    are_parameters = record.name.startswith("sqlalchemy") and str(record.msg).startswith("[")
    return record.levelno >= logging.INFO and _is_quiet(record.name) and not are_parameters


def _take_over(handler: logging.Handler, level: int) -> None:
    """Make the handler the only one that writes to a stream, and set how much each library may say."""
    root = logging.getLogger()
    for logger in (root, *(logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", "uvicorn.error"))):
        for old in [old for old in logger.handlers if type(old) in (logging.StreamHandler, _MaskedHandler)]:
            logger.removeHandler(old)
        logger.propagate = True
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("care").setLevel(level)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.INFO))
    for name in _CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.INFO if level == logging.DEBUG else logging.ERROR)
