"""The suppression key: known, first, or refused."""

import pytest

from care.base.database import read, write
from care.customers.keys import WrongKeyError, check_key, ensure_key, key_id

OURS, OTHER = b"the first key of this database", b"some other key"


class TestEnsureKey:
    def test_registers_the_first_key_and_knows_it_again(self, engine, clock) -> None:
        """Any later start with the same key is silent."""
        with write(engine) as conn:
            assert not check_key(conn, OURS)
            ensure_key(conn, OURS, clock.now())
            ensure_key(conn, OURS, clock.now())
            assert check_key(conn, OURS)

    def test_refuses_another_key(self, engine, clock) -> None:
        """One line names both keys by their public id and says what to do; the keys are not shown."""
        with write(engine) as conn:
            ensure_key(conn, OURS, clock.now())
        for check in (lambda conn: ensure_key(conn, OTHER, clock.now()), lambda conn: check_key(conn, OTHER)):
            with read(engine) as conn, pytest.raises(WrongKeyError, match="wrong suppression key") as caught:
                check(conn)
            text = str(caught.value)
            assert caught.value.exit_code == 2
            assert key_id(OURS) in text
            assert key_id(OTHER) in text
            assert "\n" not in text
            assert OTHER.decode() not in text
