"""The bare loops that the channels are held against: what a program that only sends would do."""

import asyncio
import smtplib
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from care.delivery.channels.base import Outgoing

ACCOUNT = "AC" + "0" * 32
SENDER = "+15005550006"
IN_FLIGHT = 16
TEXT = "【海岚通信】王女士，今天是您的生日，感谢您八年来的信任，祝您平安喜乐！拒收请回复R"
PAGE = "<html><body>" + "<p>感谢您八年来的信任 thank you for eight years of trust</p>\n" * 20 + "</body></html>"
CALLBACK = "https://care.example.com/webhooks/twilio/status/"

Send = Callable[[Outgoing], Awaitable[object]]


def messages(count: int, *, email: bool = False) -> Iterator[Outgoing]:
    """Yield `count` greetings to different people."""
    until = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - a benchmark stands outside the product
    for number in range(count):
        yield Outgoing(
            attempt_id=number,
            message_id=number,
            token=f"abcdefghijklmnop{number:06}",
            to=f"customer{number}@example.com" if email else f"+86138{number:08}",
            body=TEXT * 3 if email else TEXT,
            subject="生日快乐" if email else "",
            html=PAGE if email else "",
            message_ref=f"m{number}",
            valid_until=until,
            template="birthday",
            locale="zh-CN",
        )


async def send_all(send: Send, outgoing: Iterator[Outgoing], *, in_flight: int = IN_FLIGHT) -> None:
    """Send everything with `in_flight` calls at a time."""

    async def worker() -> None:
        for each in outgoing:
            await send(each)

    await asyncio.gather(*(worker() for _ in range(in_flight)))


@asynccontextmanager
async def bare_sdk(port: int) -> Iterator[Send]:
    """Use `messages.create_async` of the official SDK as its documentation does."""
    http = AsyncTwilioHttpClient()
    client = Client(ACCOUNT, "token", http_client=http)
    client.api.base_url = f"http://127.0.0.1:{port}"

    async def send(each: Outgoing) -> None:
        await client.messages.create_async(
            to=each.to,
            from_=SENDER,
            body=each.body,
            status_callback=CALLBACK + each.token,
            validity_period=3600,
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield send
    await http.close()


@asynccontextmanager
async def bare_aiohttp(port: int) -> Iterator[Send]:
    """Post the same form with one aiohttp session."""
    url = f"http://127.0.0.1:{port}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    async with aiohttp.ClientSession(headers={"Authorization": "Basic QUM6dG9rZW4="}) as session:

        async def send(each: Outgoing) -> None:
            form = {
                "To": each.to,
                "From": SENDER,
                "Body": each.body,
                "StatusCallback": CALLBACK + each.token,
                "ValidityPeriod": "3600",
            }
            async with session.post(url, data=form) as answer:
                await answer.json()

        yield send


def bare_smtplib(port: int, mail: bytes, count: int) -> None:
    """Send one ready mail `count` times over one kept connection of the standard library."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(count):
            server.sendmail("care@example.com", [f"customer{number}@example.com"], mail)
