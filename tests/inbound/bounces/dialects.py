"""Bounces as many mail systems write them, made anew for any recipient and any answer of a server."""

from email.message import EmailMessage

RETURNED = "From: care@example.com\nTo: {to}\nSubject: Greetings\nMessage-ID: <m1@example.com>\n\nHello\n"


def report(
    recipient: str,
    *,
    status: str = "5.0.0",
    diagnosis: str = "",
    action: str = "failed",
    letter: str = "",
    original: str = "",
    to: str = "b@bounce.example.com",
    returned: str = RETURNED,
) -> bytes:
    """A report after RFC 3464 with letter, fields and the headers of the returned mail."""
    fields = ["Reporting-MTA: dns; relay.example.com", ""]
    if original:
        fields.append(f"Original-Recipient: rfc822; {original}")
    fields += [f"Final-Recipient: rfc822; {recipient}", f"Action: {action}", f"Status: {status}"]
    if diagnosis:
        fields.append(f"Diagnostic-Code: smtp; {diagnosis}")
    return _multipart(letter or "This is the mail system.\n", "\n".join(fields), to, returned.format(to=recipient))


def many(
    groups: list[tuple[str, str, str, str]], *, to: str = "b@bounce.example.com", returned: str = RETURNED
) -> bytes:
    """A report on several recipients: address, action, status, diagnosis."""
    fields = "\n\n".join(
        f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnosis}"
        for address, action, status, diagnosis in groups
    )
    return _multipart(
        "See below.\n", f"Reporting-MTA: dns; relay\n\n{fields}\n", to, returned.format(to="x@example.net")
    )


def _multipart(letter: str, fields: str, to: str, returned: str) -> bytes:
    return _REPORT.format(letter=letter, fields=fields, to=to, returned=returned).encode()


def words(
    text: str, *, sender: str = "MAILER-DAEMON@relay.example.com", subject: str = "failure notice", **headers: str
) -> bytes:
    """A bounce that is nothing but text."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "b@bounce.example.com", subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def feedback(
    *, kind: str = "abuse", recipient: str = "", returned: str = RETURNED, to: str = "fbl@example.com"
) -> bytes:
    """A feedback report after RFC 5965."""
    named = f"Original-Rcpt-To: {recipient}\n" if recipient else ""
    return _FEEDBACK.format(
        kind=kind, named=named, to=to, returned=returned.format(to=recipient or "redacted")
    ).encode()


_REPORT = """From: MAILER-DAEMON@relay.example.com
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset="utf-8"

{letter}
--b1
Content-Type: message/delivery-status

{fields}

--b1
Content-Type: message/rfc822

{returned}
--b1--
"""
_FEEDBACK = """From: feedback@mailbox.example
To: {to}
Subject: FW: Greetings
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an abuse report.
--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Some/1.0
Version: 1
{named}
--b1
Content-Type: text/rfc822-headers

{returned}
--b1--
"""
QMAIL = """Hi. This is the qmail-send program at relay.example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{address}>:
192.0.2.7 does not like recipient.
Remote host said: {answer}
Giving up on 192.0.2.7.

--- Below this line is a copy of the message.

Return-Path: <care@example.com>
To: somebody.else@example.org

Hello
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {address}
    host mx.example.net [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<{address}>:
    {answer}

------ This is a copy of the message, including all the headers. ------

To: somebody.else@example.org
"""
POSTFIX = """This is the mail system at host relay.example.com.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<{address}>: host mx.example.net[192.0.2.7] said: {answer} (in reply to
    RCPT TO command)
"""
SENDMAIL = """   ----- The following addresses had permanent fatal errors -----
<{address}>
    (reason: {answer})

   ----- Transcript of session follows -----
... while talking to mx.example.net.:
>>> RCPT To:<{address}>
<<< {answer}
"""
YAHOO = """Sorry, we were unable to deliver your message to the following address.

<{address}>:
{answer} [RCPT_TO]

--- Below this line is a copy of the message.

To: somebody.else@example.org
"""
DRAGONFLY = """This is the mail agent at relay.example.com.

There was an error delivering your mail to <{address}>.

mx.example.net [192.0.2.7] did not like our RCPT TO:
{answer}

Original message follows.

To: somebody.else@example.org
"""
LETTERS = {
    "qmail": QMAIL,
    "exim": EXIM,
    "postfix": POSTFIX,
    "sendmail": SENDMAIL,
    "yahoo": YAHOO,
    "dragonfly": DRAGONFLY,
}
