"""What Twilio says when it refuses a request or cannot deliver a message: codes, HTTP statuses and texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error answer of the API."""

    code: int
    status: int  # HTTP
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an accepted message did not arrive."""

    code: int
    status: str  # `failed`: never left Twilio; `undelivered`: the carrier said no
    message: str


_BAD_REQUESTS: Mapping[int, str] = {
    20001: "Invalid parameter.",
    21211: "Invalid 'To' Phone Number.",
    21212: "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID.",
    21217: "Phone number does not appear to be valid.",
    21266: "'To' and 'From' number cannot be the same.",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: "The 'From' phone number is not a valid, message-capable Twilio phone number for this destination.",
    21609: "The 'StatusCallback' URL is not a valid URL.",
    21610: "Attempt to send to unsubscribed recipient.",
    21611: "This 'From' number has exceeded the maximum number of queued messages.",
    21612: "The 'To' phone number is not currently reachable using the 'From' phone number via SMS.",
    21614: "'To' number is not a valid mobile number.",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21619: "A text message body or media urls must be specified.",
    21620: "Invalid media URL(s).",
    21624: "The 'ValidityPeriod' value is invalid.",
    21655: "The ContentSid is invalid.",
    21656: "The ContentVariables parameter is invalid.",
    21701: "The Messaging Service does not exist.",
    21703: "The Messaging Service does not have a phone number available to send a message.",
    21704: "The Messaging Service contains no phone numbers.",
    21705: "The Messaging Service is invalid.",
    30409: "This message cannot be canceled.",
    35111: "SendAt is required to schedule a message.",
    35114: "SendAt is not a valid ISO 8601 time.",
    35115: "SendAt lies outside the allowed window.",
    35118: "MessagingServiceSid is required to schedule a message.",
    35125: "Too many scheduled messages.",
}

REFUSALS: Final[Mapping[int, Refusal]] = {
    **{code: Refusal(code, 400, message) for code, message in _BAD_REQUESTS.items()},
    20003: Refusal(20003, 401, "Authenticate"),
    20009: Refusal(20009, 409, "Resource not complete"),
    20404: Refusal(20404, 404, "The requested resource was not found"),
    20429: Refusal(20429, 429, "Too Many Requests"),
    20500: Refusal(20500, 500, "An internal server error has occurred"),
    20503: Refusal(20503, 503, "Service unavailable"),
}

_FAILED: Mapping[int, str] = {
    14107: "Message send rate limit exceeded",
    30001: "Queue overflow",
    30002: "Account suspended",
    30018: "Destination carrier requires sender ID registration",
    30023: "A2P daily message cap reached",
    30024: "Numeric sender ID not provisioned on carrier",
    30032: "Toll-free number has not been verified",
    30033: "A2P campaign suspended",
    30035: "A2P phone number is being configured",
    30036: "Validity period expired",
    30450: "Message delivery blocked",
    30500: "Twilio internal error",
    30610: "Quiet hours",
    63016: "Outside the allowed window, use a template",
    63018: "Rate limit exceeded for channel",
    63038: "Account exceeded the daily messages limit",
}
_UNDELIVERED: Mapping[int, str] = {
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30017: "Carrier network congestion",
    30022: "A2P rate limits exceeded",
    30027: "T-Mobile daily message limit reached",
    30034: "Message from an unregistered number",
    30410: "Provider timeout error",
    63003: "Channel could not find To address",
    63013: "Channel policy violation",
    63024: "Invalid message recipient",
    63033: "Recipient blocked to receive message",
    63036: "Channel cannot reach this number now",
}

FAILURES: Final[Mapping[int, Failure]] = {
    **{code: Failure(code, "failed", message) for code, message in _FAILED.items()},
    **{code: Failure(code, "undelivered", message) for code, message in _UNDELIVERED.items()},
}
