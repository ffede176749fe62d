import pytest

from care.policy.load import load_policies


@pytest.fixture(scope="session")
def policies():
    """The policies as shipped."""
    return load_policies()
