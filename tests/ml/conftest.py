import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Threads of several test workers would wait for each other longer than they compute."""
    with threadpool_limits(1):
        yield
