"""Mails that are no bounces, in the words of many people and robots: they lead to nothing."""

from email import message_from_bytes
from email.message import EmailMessage
from email.mime.message import MIMEMessage

import pytest

from care.inbound.bounces.model import Kind
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import report, words

CUSTOMER = "lin.mei@customer.example"

AWAY = {
    "en": (
        "Out of office: Greetings",
        f"I am away until 4 May. Write to {CUSTOMER} instead; my old address is invalid.",
    ),
    "de": (
        "Abwesenheitsnotiz: Glückwunsch",
        f"Ich bin bis 4. Mai im Urlaub. Die Adresse {CUSTOMER} ist unbekannt verzogen.",
    ),
    "fr": ("Réponse automatique : Bonjour", f"Je suis absente. Mon ancienne adresse {CUSTOMER} n'existe plus."),
    "es": ("Respuesta automática: Saludos", f"Estoy fuera. El buzón {CUSTOMER} no existe; escriba a mi colega."),
    "it": ("Risposta automatica: Auguri", f"Sono in ferie. L'indirizzo {CUSTOMER} non esiste più."),
    "pt": ("Resposta automática: Parabéns", f"Estou de férias. O endereço {CUSTOMER} não existe."),
    "nl": ("Automatisch antwoord: Groeten", f"Ik ben afwezig. Het adres {CUSTOMER} bestaat niet meer."),
    "pl": ("Automatyczna odpowiedź: Życzenia", f"Jestem na urlopie. Konto {CUSTOMER} nie istnieje."),
    "ru": ("Автоответ: Поздравляем", f"Я в отпуске. Адрес {CUSTOMER} не существует."),
    "zh": ("自动回复: 生日快乐", f"我在休假。旧邮箱 {CUSTOMER} 不存在,请勿使用。"),
    "zh-hant": ("自動回覆: 生日快樂", f"我在休假。舊信箱 {CUSTOMER} 不存在。"),
    "ja": ("自動返信: お祝い", f"休暇中です。{CUSTOMER} は存在しません。"),
    "ko": ("자동 회신: 축하", f"부재중입니다. {CUSTOMER} 존재하지 않는 주소입니다."),
}
LETTERS = {
    "a newsletter": (
        "How we cut failed deliveries",
        f"Delivery failed? Mail to {CUSTOMER} was rejected: 550 user unknown.",
    ),
    "an order": (
        "Delivery of your order 550 118",
        "Your parcel could not be delivered to the address shop@customer.example.",
    ),
    "a parcel": (
        "Delivery notification",
        f"We were unable to deliver your parcel. Recipient unknown. Write to {CUSTOMER}.",
    ),
    "a question": (
        "Problem with my account",
        f"My account {CUSTOMER} does not exist any more, says your page. Please help!",
    ),
    "an invoice": ("Your payment failed", f"Account {CUSTOMER} is unknown to our bank. Please pay again."),
    "an answer": ("Re: Greetings", f"My colleague {CUSTOMER} no longer works here.\n\n> Happy birthday!"),
    "a ticket": (
        "[Ticket 5501] Undelivered mail?",
        f"You asked why mail to {CUSTOMER} says no such user. We will look.",
    ),
}
DELAYED = {
    "en": "Delivery to the following recipient has been delayed. It will be retried. 451 4.1.1 user unknown",
    "de": "Die Zustellung ist verzögert, weitere Zustellversuche folgen.",
    "fr": "Le message est retardé. Ceci est un simple avertissement.",
    "es": "La entrega se ha retrasado. Es solo una advertencia.",
    "ru": "Сообщение задержано, попытки будут продолжены.",
    "zh": "邮件延迟,系统将继续尝试投递。",
    "ja": "配信が遅延しています。再送を試みます。",
    "ru, not yet": "Письмо пока не доставлено. Попытки доставки будут продолжены.",
    "de, not yet": "Die Nachricht wurde noch nicht zugestellt. Sie müssen sie nicht erneut senden.",
    "pl": "Wiadomość nie została jeszcze dostarczona. Kolejne próby będą podejmowane.",
    "cs": "Zpráva zatím nebyla doručena, není třeba posílat ji znovu.",
    "hu": "Az üzenet kézbesítése késik, a rendszer újra megpróbálja.",
    "sv": "Meddelandet är ännu inte levererat.",
    "tr": "İletiniz henüz teslim edilemedi, denemeye devam edilecek.",
    "el": "Η παράδοση έχει καθυστέρηση.",
    "ko": "메일이 아직 전달되지 않았습니다. 계속 재시도합니다.",
    "nl": "Uw bericht kon nog niet worden bezorgd (550 tijdelijke fout). Wij proberen het morgen opnieuw.",
    "it": "Il messaggio non è stato ancora consegnato. Il server ritenterà per altri 3 giorni.",
    "fr, not yet": "Votre message n'a pas encore été distribué. Le serveur poursuivra ses essais.",
    "pt": "A sua mensagem ainda não pôde ser entregue. O servidor voltará a tentar.",
    "da": "Din besked er ikke leveret endnu. Serveren prøver fortsat i 2 dage.",
    "ja, not yet": "メールはまだ配送できていません。引き続き配送を試みます。",
    "cs, in the queue": "Zpráva čeká ve frontě. Server zkusí doručení znovu.",
    "zh, no need": "您的邮件暂时无法投递到对方,无需重新发送。",
}
ARRIVED = {
    "en": "Your message was successfully delivered to the recipient.",
    "de": "Ihre Nachricht wurde erfolgreich zugestellt.",
    "fr": "Votre message a été remis avec succès.",
    "zh": "您的邮件已成功送达。",
    "ja": "メッセージは正常に配信されました。",
    "ja, without its attachment": "宛のメールの添付ファイルを削除して配信しました。",
    "de, without a part": "Ihre Nachricht wurde ohne den Anhang zugestellt, da dieser nicht erlaubt ist.",
    "en, without a part": "Your message was delivered without the attachment.",
}


class TestPeople:
    @pytest.mark.parametrize("language", AWAY)
    @pytest.mark.parametrize("marks", [{}, {"Auto_Submitted": "auto-replied"}, {"Return_Path": "<>"}])
    def test_who_are_away_are_not_gone(self, language: str, marks: dict[str, str]) -> None:
        """Whatever the note says of addresses that exist no longer."""
        subject, text = AWAY[language]
        found = read_bounce(words(text, sender=CUSTOMER, subject=subject, **marks))

        assert (found.failures, found.note) == ((), "vacation")

    @pytest.mark.parametrize("name", LETTERS)
    def test_who_write_of_deliveries_bounce_nothing(self, name: str) -> None:
        """Parcels fail, too, and people speak of addresses."""
        subject, text = LETTERS[name]
        found = read_bounce(words(text, sender="desk@shop.example", subject=subject))

        assert found.failures == ()

    @pytest.mark.parametrize(
        ("subject", "marks"),
        [
            ("[Ticket#20264711] Received: Mail delivery failed", {}),
            ("[#4711] Undelivered Mail Returned to Sender", {}),
            ("Received: Mail delivery failed", {"X_OTRS_Loop": "yes"}),
            ("Request #4412 received: Undelivered Mail Returned to Sender", {}),
            ("Ihre Nachricht (Vorgang 8812): Unzustellbar", {}),
            ("Ticket received: Delivery Status Notification (Failure) - #9917", {}),
            ("(SUP-1) Delivery failed", {"X_JIRA_FingerPrint": "5f"}),
        ],
    )
    def test_who_keep_a_help_desk_repeat_what_they_were_sent(self, subject: str, marks: dict[str, str]) -> None:
        """Be it a bounce: the number or the desk's own header tells."""
        letter = f"We have got your mail.\n\n<{CUSTOMER}>: 550 5.1.1 User unknown\n"
        found = read_bounce(words(letter, sender="desk@shop.example", subject=subject, Return_Path="<>", **marks))

        assert found.failures == ()

    def test_who_return_a_numbered_mail_of_ours_are_no_help_desk(self) -> None:
        """The number follows what was returned."""
        letter = f"<{CUSTOMER}>: 550 5.1.1 User unknown\n"
        mail = words(letter, sender="mx@shop.example", subject="Undeliverable: Your request 4412", Return_Path="<>")

        assert read_bounce(mail).first.kind is Kind.HARD

    def test_who_quote_a_refusal_have_refused_nothing(self) -> None:
        """Quoted lines are of somebody else's mail."""
        letter = f"What is this?\n\n> <{CUSTOMER}>: 550 5.1.1 User unknown\n"
        found = read_bounce(words(letter, sender=CUSTOMER, subject="A question", Return_Path="<>"))

        assert found.failures == ()

    @pytest.mark.parametrize(
        ("sender", "subject"),
        [
            ("Dieter Kern <d.kern@customer.example>", "My mail came back"),
            ("Нина <nina@customer.example>", "Fwd: Undelivered Mail Returned to Sender"),
            ("B. Thaler <thaler@customer.example>", "WG: Unzustellbar: Ihre Anfrage"),
        ],
    )
    def test_who_show_us_a_bounce_of_theirs_have_returned_nothing(self, sender: str, subject: str) -> None:
        """It is attached, and it is about an address of ours."""
        shown = message_from_bytes(report("orders@shop.example", status="5.1.1", diagnosis="550 5.1.1 user unknown"))
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, "b@bounce.example.com", subject
        mail["Return-Path"] = "<d.kern@customer.example>"
        mail.set_content("See the attached message. Is the address wrong?")
        mail.make_mixed()
        mail.attach(MIMEMessage(shown))
        found = read_bounce(mail.as_bytes())
        by_system = read_bounce(mail.as_bytes().replace(b"<d.kern@customer.example>", b"<>"))

        assert (found.failures, found.note) == ((), "ordinary")
        assert by_system.first.kind is Kind.HARD, "a gateway that wraps a report takes no answer"

    def test_who_answer_for_a_mail_system_have_refused_nothing(self) -> None:
        """A postmaster whom we asked quotes what we asked about."""
        letter = f"The filter is mended, please try again.\n\n> <{CUSTOMER}>: 550 5.1.1 User unknown\n"
        headers = {"In_Reply_To": "<a@shop.example>", "Return_Path": "<i.larsen@customer.example>"}
        subject = "Re: Undelivered Mail Returned to Sender"
        sender = "Postmaster <postmaster@customer.example>"
        mail = words(letter, sender=sender, subject=subject, **headers)
        robots = words(letter.replace("> ", ""), sender=sender, subject=subject, **headers)

        assert (read_bounce(mail).failures, read_bounce(mail).note) == ((), "ordinary")
        assert read_bounce(robots).first.kind is Kind.HARD, "its own words tell of the refusal"

    def test_who_discuss_a_report_on_a_list_have_returned_nothing(self) -> None:
        """What the report says is an example."""
        letter = "The report says\nFinal-Recipient: rfc822; bob@customer.example\nAction: failed\nStatus: 5.1.1\n"
        headers = {"List_ID": "mailer <mailer.customer.example>", "Return_Path": "<notes@customer.example>"}
        mail = words(letter, sender="Notes <notes@customer.example>", subject="Re: 550 is missed", **headers)

        assert (read_bounce(mail).failures, read_bounce(mail).note) == ((), "ordinary")


class TestSystems:
    @pytest.mark.parametrize("language", DELAYED)
    def test_that_are_still_trying_have_not_failed(self, language: str) -> None:
        """A notice of delay is no bounce."""
        text = f"{DELAYED[language]}\n\n{CUSTOMER}\n"
        found = read_bounce(words(text, subject="Delivery Status Notification"))

        assert (found.failures, found.note) == ((), "delayed")
        assert all(each.kind is Kind.NONE for each in found.findings)

    def test_that_say_so_in_the_subject_have_not_given_up(self) -> None:
        """Whatever has failed for now at the other end."""
        letter = f"It has not yet been delivered to {CUSTOMER}:\n450 4.1.1 user lookup failed, try later\n"
        refused = letter.replace("450 4.1.1", "550 5.1.1")
        subject = "Warning: message 1tQ9aa-000Cb1-2F delayed 24 hours"

        assert read_bounce(words(letter, subject=subject)).note == "delayed"
        assert read_bounce(words(refused, subject=subject)).failures != ()

    @pytest.mark.parametrize(
        "subject", ["Daily delivery report", "Weekly summary: failures", "Wochenbericht", "Statistik Mai"]
    )
    def test_that_sum_up_return_nothing(self, subject: str) -> None:
        """A report for the postmaster counts what failed, with an example."""
        text = f"Bounced 10. Top reason: 550 5.1.1 User unknown ({CUSTOMER}).\n"

        assert read_bounce(words(text, subject=subject)).failures == ()

    @pytest.mark.parametrize("subject", ["Potwierdzenie doręczenia", "Potvrzení o doručení", "Zustellbestätigung"])
    def test_that_say_it_in_the_subject_have_not_failed(self, subject: str) -> None:
        """The letter may have words that nobody has written down."""
        assert read_bounce(words(f"{CUSTOMER}: in ordine.\n", subject=subject)).note == "delivered"

    def test_that_return_such_a_mail_of_ours_have_failed(self) -> None:
        """Our own subject stands behind theirs."""
        found = read_bounce(words(f"{CUSTOMER}|Konto nie istnieje.\n", subject="Unzustellbar: Zustellbestätigung"))

        assert found.first.kind is Kind.HARD

    @pytest.mark.parametrize("language", ARRIVED)
    def test_that_tell_of_arrival_have_not_failed(self, language: str) -> None:
        """A notice of delivery is no bounce."""
        found = read_bounce(words(f"{ARRIVED[language]}\n\n{CUSTOMER}\n", subject="Delivery Status Notification"))

        assert (found.failures, found.note) == ((), "delivered")
