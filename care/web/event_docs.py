"""The words of the OpenAPI document about events."""

from typing import Any, Final

from care.inbound.events.model import EventType
from care.inbound.events.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER

DESCRIPTION: Final = "What other systems tell `care`. Problems follow RFC 9457; keys are made with `care keys create`."

_MOMENT: Final = {"type": "string", "format": "date-time"}
_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "type", "at"],
    "properties": {
        "id": {"type": "string", "maxLength": 120, "description": "Yours: the same id says the same, for ever"},
        "type": {"type": "string", "enum": [str(one) for one in EventType]},
        "customer": {"type": "string", "maxLength": 64, "description": "The customer's id in your system"},
        "at": {**_MOMENT, "description": "When it happened; without offset in the operator's zone"},
        "data": {
            "type": "object",
            "description": "`ticket` (the ticket's id) and any column of an import of tickets",
            "properties": {
                "ticket": {"type": "string", "maxLength": 56},
                **{name: {"type": "string"} for name in ("kind", "severity", "staff", "area", "channel", "parent")},
                **{name: {"type": "string"} for name in ("contact_name", "contact_phone", "summary", "result")},
                **dict.fromkeys(("opened_at", "first_response_at", "closed_at"), _MOMENT),
                "test": {"type": "boolean"},
            },
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
    },
}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_LISTED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "stored": {"type": "integer"},
        "known": {"type": "integer"},
        "problems": {
            "type": "array",
            "items": {
                **_PROBLEM,
                "properties": {"index": {"type": "integer"}, "id": {"type": "string"}, **_PROBLEM["properties"]},
            },
        },
    },
}


def _answers(words: str, schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    return {"description": words, "content": {media: {"schema": schema}}}


def _problems(words: str) -> dict[str, Any]:
    return _answers(words, _PROBLEM, "application/problem+json")


SECURITY: Final[dict[str, Any]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "Made with `care keys create --scope events`"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "As Standard Webhooks sign, with `webhook-id` and `webhook-timestamp`, by a key of kind webhook",
    },
}
"""Either of them says who posts."""

_SIGNED: Final = "Of a signed request"


def _header(name: str, words: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string", **schema}, "description": words}


OPERATION: Final[dict[str, Any]] = {
    "name": "post_events",
    "summary": "Tell of tickets and installations",
    "status_code": 202,
    "responses": {
        200: _answers("Known already; nothing was changed", _LISTED),
        202: _answers("Stored for good, and worked on after", _LISTED),
        207: _answers("Some of a list are stored or known, `problems` names the others", _LISTED),
        400: _problems("No JSON, or an unusable Idempotency-Key"),
        401: _problems("No key, or a wrong or revoked one"),
        403: _problems("The key lacks the scope `events`"),
        409: _problems("An event of this id said something else"),
        413: _problems("More than 1 MiB, or too many events"),
        422: _problems("An event that cannot be used"),
        503: _problems("Nothing was stored; send it again"),
    },
    "openapi_extra": {
        "parameters": [
            _header(
                "Idempotency-Key", "A repeat under the same key hears the same answer for seven days", maxLength=120
            ),
            _header(ID_HEADER, f"{_SIGNED}: its id, also of the one event that says none"),
            _header(TIMESTAMP_HEADER, f"{_SIGNED}: seconds since 1970, within five minutes"),
            _header(SIGNATURE_HEADER, f"{_SIGNED}: v1 and the signature"),
        ],
        "security": [{name: []} for name in SECURITY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [_EVENT, {"type": "array", "items": _EVENT}]}}},
        },
    },
}
