"""The same few words in every frame that mail systems put around them: after a code, beside the address, as a reason."""

import pytest

from tests.inbound.bounces.test_sayings import ADDRESS, read

REPLIES = [
    *("550 {}", "550 5.1.1 {}", "550 5.0.0 {}", "550 5.2.0 {}", "550 5.3.0 {}", "550 5.4.1 {}", "550 5.5.0 {}"),
    *("553 {}", "554 {}", "501 {}", "511 {}", "571 {}", "5.1.1 {}", "{}", "550-{}", "550 #5.1.1 {}", "550 {} (#5.1.1)"),
    *("550 {} [xyz123]", "550 {} (ABC-123)", "550 {} - https://help.example/x", "550 Error: {}", "550 ERROR {}"),
    *("550 [a]: {}", "550 <[a]>... {}", "550 {}: [a]", "550 {} <[a]>", "550 {} ([a])", "550 '{}'", '550 "{}"'),
    *("550 Requested action not taken: {}", "550 Recipient address rejected: {}", "550 RCPT TO: {}"),
    *("host mx.customer.example[192.0.2.9] said: 550 {}", "550 xy12: {}", "550 Delivery failed: {}"),
]
LETTERS = [
    *("<[a]>: {}", "[a]: {}", "[a]... {}", "<[a]> …… {}", "<[a]>.....{}", "[a] - {}", "[a]\n{}", "[a]\n    {}"),
    *("Recipient: [a]\nReason: {}", "To: [a]\nError: {}", "Address: [a]\nDescription: {}", "[a]\nDiagnostic: {}"),
    *("Delivery to [a] failed: 550 {}", "[a]\nRemote host said: {}", "550 {}: [a]", "[a] 550 {}", "[a]\n<<< 550 {}"),
    *("The message to [a] could not be delivered: {}", "[a]\nThe server answered: {}", "[a]\n* {}", "{}: [a]"),
    *("[a]\nGrund: {}", "[a]\n原因：{}", "[a]\n理由: {}", "[a]\nMotivo: {}", "[a]\nRaison : {}", "[a]\nПричина: {}"),
]
FRAMES = [("said", frame) for frame in REPLIES] + [("letter", frame) for frame in LETTERS]
DEAD = ["User unknown", "Mailbox not found", "no such user"]
LIVING = ["Mailbox full", "mailbox temporarily unavailable"]


def kinds(words: str) -> dict[str, str]:
    """Return what each frame makes of the words; `elsewhere` where another address was read."""
    found = {frame: read(how, frame.format(words).replace("[a]", ADDRESS)) for how, frame in FRAMES}
    return {frame: each.kind if each.recipient == ADDRESS else "elsewhere" for frame, each in found.items()}


class TestFrames:
    @pytest.mark.parametrize("words", DEAD)
    def test_of_a_dead_address_make_it_hard(self, words: str) -> None:
        """Two bare words are enough where they stand beside the address, or are the reason that is given."""
        assert {frame: kind for frame, kind in kinds(words).items() if kind != "hard"} == {}

    @pytest.mark.parametrize("words", LIVING)
    def test_of_a_living_one_never_do(self, words: str) -> None:
        """Unless the server's own code says that the address is none."""
        spoken = {frame: kind for frame, kind in kinds(words).items() if "5.1.1" not in frame}
        assert {frame: kind for frame, kind in spoken.items() if kind != "soft"} == {}

    @pytest.mark.parametrize("frame", ["550 5.7.1 {}", "552 {}", "550 5.2.1 {}", "450 {}"])
    def test_that_speak_of_other_troubles_are_soft(self, frame: str) -> None:
        """A code for a policy, for room or for another try takes the word away."""
        assert read("said", frame.format("User unknown")).kind == "soft"

    def test_in_brackets_behind_the_address_proves_nothing(self) -> None:
        """Such a system says so of whatever it refuses."""
        assert read("letter", f"{ADDRESS} [User unknown]").kind == "soft"
