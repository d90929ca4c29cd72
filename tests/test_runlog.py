"""A run's log: what is written can be read, and a line that was cut short costs itself alone."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from goengine.errors import GoEngineError
from goengine.runlog import RunLog, read_records


def test_a_log_goes_on_after_a_line_that_was_cut_short(tmp_path: Path) -> None:
    for step in (1, 2):
        log = RunLog(tmp_path, silent=True)
        log.record("train", step, {"loss": 2.5})
        log.close()
    path = tmp_path / "log.jsonl"
    assert [record["step"] for record in read_records(path)] == [1, 2]
    path.write_text(path.read_text(encoding="utf-8")[:-15], encoding="utf-8")
    log = RunLog(tmp_path, silent=True)
    log.record("train", 3, {"loss": 2.0})
    log.close()
    assert [(record["step"], record["loss"]) for record in read_records(path)] == [(1, 2.5), (3, 2.0)]
    assert path.read_text(encoding="utf-8").count("\n") == 3


def test_a_run_has_its_folder_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RunLog(tmp_path, silent=True)
    with pytest.raises(GoEngineError, match="another process is busy with a run here"):
        RunLog(tmp_path, silent=True)
    log.close()
    RunLog(tmp_path, silent=True).close()

    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    RunLog(tmp_path, silent=True).close()
