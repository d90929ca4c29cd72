"""What holds for every test."""

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("goengine", deadline=None)  # a busy machine is not a fault
settings.load_profile("goengine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Give PyTorch back as many threads as it had.

    Commands and scripts set them for the whole process; on a busy machine the tests after them would spend most of
    their time waiting for one another's threads.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    try:
        yield
    finally:
        if torch and torch.get_num_threads() != before:
            torch.set_num_threads(before)
