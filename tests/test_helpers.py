"""Work shared out among threads: each piece once, all done at the end, and no deadlock."""

import os
import threading

import pytest

from goengine.helpers import helpers, share


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("threads", [0, 1, 2, 5, 50])
def test_each_piece_is_done_once(count: int, threads: int) -> None:
    done: list[int] = []
    share(done.append, count, threads)
    assert sorted(done) == list(range(count))


def test_the_others_take_part() -> None:
    meeting = threading.Barrier(2)
    share(lambda _: [meeting.wait(60)], 2, 2)  # type: ignore[arg-type]


def test_shared_work_may_share_work() -> None:
    done: list[int] = []
    share(lambda _: share(done.append, 10, 4), 20, 8)
    assert sorted(done) == sorted(20 * list(range(10)))


def test_what_goes_wrong_elsewhere_is_told() -> None:
    meeting = threading.Barrier(2)
    here = threading.get_ident()

    def work(_: int) -> None:
        meeting.wait(60)
        if threading.get_ident() != here:
            raise ValueError("elsewhere")

    with pytest.raises(ValueError, match="elsewhere"):
        share(work, 2, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_threads_of_its_own() -> None:
    parent = helpers()
    child = os.fork()
    if not child:
        os._exit(0 if helpers() is not parent and helpers().submit(int).result(60) == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
