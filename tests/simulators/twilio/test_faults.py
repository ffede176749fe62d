"""Scripted faults of create requests: what the caller sees, and what was accepted all the same."""

import time

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from care.simulators.twilio.faults import Script, ScriptError
from care.simulators.twilio.process import SimulatorError, start_twilio_simulator
from care.simulators.twilio.script_reader import read_script
from tests.simulators.twilio.conftest import client_of

TO, SENDER = "+8613800138000", "+15005550006"


@pytest.fixture
def accepted(simulator):
    """How many messages were accepted since the test began."""
    before = len(simulator.accepted())
    return lambda: len(simulator.accepted()) - before


def create(client, to=TO) -> object:
    return client.messages.create(to=to, from_=SENDER, body="hi")


class TestRefusingFaults:
    @pytest.mark.parametrize(
        ("fault", "outcome"),
        [
            ("429", (429, 20429, 0)),
            ("503", (503, 20503, 0)),
            ("500", (500, 20500, 0)),
            ("503-after", (503, 20503, 1)),
            ("500-after", (500, 20500, 1)),
            ("21610", (400, 21610, 0)),
            ("30409", (400, 30409, 0)),
        ],
    )
    def test_answer_with_the_error_once(self, client, simulator, accepted, fault, outcome) -> None:
        """A listed fault meets one create; `-after` means accepted all the same."""
        simulator.script({"create": ["ok", fault]})
        create(client)
        before = accepted()
        with pytest.raises(TwilioRestException) as refused:
            create(client)
        assert (refused.value.status, refused.value.code, accepted() - before) == outcome
        assert create(client)

    @pytest.mark.parametrize(("fault", "count"), [("cut", 0), ("lost-reply", 1)])
    def test_cut_the_connection(self, client, simulator, accepted, fault, count) -> None:
        """The caller sees the same; only the log knows the difference."""
        simulator.script({"create": [fault]})
        with pytest.raises(requests.ConnectionError):
            create(client)
        assert accepted() == count

    @pytest.mark.parametrize(("fault", "at_timeout", "later"), [("hang", 0, 0), ("slow-reply", 1, 1), ("late", 0, 1)])
    def test_let_the_caller_wait(self, simulator, accepted, fault, at_timeout, later) -> None:
        """A caller that gave up cannot know whether and when the message was accepted."""
        client = Client(
            simulator.account_sid,
            simulator.auth_token,
            http_client=TwilioHttpClient(timeout=0.2),
            environment={"_": ""},
        )
        client.api.base_url = simulator.url
        simulator.script({"create": [fault], "hang_seconds": 0.5})
        with pytest.raises(requests.Timeout):
            create(client)
        assert accepted() == at_timeout
        time.sleep(0.5)
        assert accepted() == later

    @pytest.mark.parametrize(
        ("number", "error", "count"),
        [
            ("+8613805500429", TwilioRestException, 0),
            ("+8613805500503", TwilioRestException, 0),
            ("+8613805500504", TwilioRestException, 1),
            ("+8613805500408", requests.ConnectionError, 1),
            ("+8613805500409", requests.ConnectionError, 0),
        ],
    )
    def test_come_by_reserved_number(self, client, accepted, number, error, count) -> None:
        """Some numbers fail in their own way without any script."""
        with pytest.raises(error):
            create(client, number)
        assert accepted() == count

    def test_spare_what_is_refused_anyway(self, client, simulator) -> None:
        """A reply cannot be lost after accepting what is never accepted."""
        simulator.script({"create": ["lost-reply"]})
        with pytest.raises(TwilioRestException) as refused:
            client.messages.create(to="nobody", from_=SENDER, body="hi")
        assert refused.value.code == 21211


class TestRates:
    def test_repeat_with_the_seed_and_are_reported(self, client, simulator) -> None:
        """The same seed gives the same faults at the same requests; the report and the log name them."""

        def run(seed: int) -> list[str]:
            simulator.script({"seed": seed, "create_rates": {"429": 0.3, "503-after": 0.3}})
            seen = []
            for _ in range(30):
                try:
                    create(client)
                    seen.append("ok")
                except TwilioRestException as error:
                    seen.append({429: "429", 503: "503-after"}[error.status])
            report = simulator.report()
            assert report["seed"] == seed
            assert [fault for _, fault in report["fault_log"]] == [each for each in seen if each != "ok"]
            assert report["faults"] == {each: seen.count(each) for each in ("429", "503-after")}
            return seen

        assert run(7) == run(7) != run(8)

    def test_set_outcomes(self, client, simulator) -> None:
        """`outcomes` decide what becomes of accepted messages, one by one or at a rate."""
        simulator.script({"outcomes": [30005, "ok"], "outcome_rates": {"30007": 1}})
        messages = [create(client) for _ in range(3)]
        simulator.wait_until_settled()
        assert [message.fetch().error_code for message in messages] == [30005, None, 30007]

    def test_bound_requests_in_flight(self, client, simulator) -> None:
        """No more at a time than allowed; the others are told 429."""
        simulator.script({"max_in_flight": 0})
        with pytest.raises(TwilioRestException) as refused:
            create(client)
        assert refused.value.status == 429


class TestReadScript:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("{", "not JSON"),
            ("[]", "JSON object"),
            ('{"creates": []}', "'creates' is not a key"),
            ('{"create": ["boom"]}', "create: 'boom' is neither"),
            ('{"create": "429"}', "create: must be a list"),
            ('{"create_rates": {"429": 2}}', "create_rates.429: a rate lies between 0 and 1"),
            ('{"create_rates": {"429": 0.6, "503": 0.6}}', "add up to more than 1"),
            ('{"create_rates": []}', "must be an object"),
            ('{"outcomes": [21610]}', "outcomes: '21610'"),
            ('{"hang_seconds": -1}', "hang_seconds: -1 is not"),
            ('{"seed": "x"}', "seed: 'x' is not a whole number"),
            ('{"callbacks": {"loose": 1}}', "callbacks.loose is not known"),
            ('{"callbacks": {"delay_seconds": [1]}}', "callbacks.delay_seconds"),
        ],
    )
    def test_names_the_mistake(self, text, problem) -> None:
        """A script that cannot be understood is refused with what is wrong in it."""
        with pytest.raises(ScriptError, match=problem.replace("(", r"\(")):
            read_script(text)

    def test_keeps_defaults(self) -> None:
        """What a script does not name stays as it was."""
        assert read_script("{}", seed=3) == Script(seed=3)


class TestProcess:
    def test_refuses_a_broken_script(self, simulator, capfd) -> None:
        """At the start it ends with exit code 2 and one line; later the running one says so."""
        with pytest.raises(SimulatorError, match="exit code 2"):
            start_twilio_simulator(accept_log=None, script={"create": ["boom"]})
        assert capfd.readouterr().err.startswith("twilio simulator: create: 'boom'")
        with pytest.raises(SimulatorError, match="boom"):
            simulator.script({"create": ["boom"]})

    def test_says_that_a_port_is_taken(self, simulator, capfd) -> None:
        """A second simulator on the same port says so and ends."""
        port = int(simulator.url.rpartition(":")[2])
        with pytest.raises(SimulatorError, match="exit code 2"):
            start_twilio_simulator(accept_log=None, port=port)
        assert f"port {port} cannot be used" in capfd.readouterr().err

    def test_refuses_unknown_settings(self, simulator) -> None:
        """A misspelt setting is an error, not silence."""
        with pytest.raises(SimulatorError, match="'colour' is not a setting"):
            simulator.configure(colour="red")

    def test_appends_to_its_log_after_a_kill(self, tmp_path) -> None:
        """The log survives SIGKILL and goes on where it was; sids never repeat."""
        log = tmp_path / "accepted.jsonl"
        for count in (1, 2):
            simulator = start_twilio_simulator(accept_log=log, seed=1)
            create(client_of(simulator))
            simulator.process.kill()
            simulator.stop()
            assert len({entry["sid"] for entry in simulator.accepted()}) == count

    def test_stops_quietly_with_callbacks_on_their_way(self, capfd) -> None:
        """What was still to be reported is dropped without a word."""
        with start_twilio_simulator(accept_log=None, callback_delay=0.001) as simulator:
            client = client_of(simulator)
            for _ in range(50):
                client.messages.create(to=TO, from_=SENDER, body="hi", status_callback="http://127.0.0.1:9/")
        assert capfd.readouterr().err == ""

    def test_ends_with_the_process_that_started_it(self) -> None:
        """No simulator outlives its test."""
        simulator = start_twilio_simulator(accept_log=None)
        assert simulator.process.stdin is not None
        simulator.process.stdin.close()
        assert simulator.process.wait(5) == 0
        simulator.stop()
