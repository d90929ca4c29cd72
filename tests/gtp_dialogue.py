"""A GTP engine in the process of a test."""

from fake_network import FakeNetwork

from goengine.gtp.handlers import crash_report, make_handlers
from goengine.gtp.protocol import Engine
from goengine.gtp.session import Session
from goengine.player import Player

WALLS = [f"play {color} {column}{row}" for color, column in ("bb", "bd", "we", "wg") for row in range(1, 10)]


class Dialogue:
    """An engine in this process, and its session."""

    def __init__(self, size: int = 9, network: FakeNetwork | None = None, **style: float | int) -> None:
        player = Player(network or FakeNetwork(9), **style)  # type: ignore[arg-type]
        self.session = Session(lambda: player, size)
        self.engine = Engine(make_handlers(self.session), crash_report)

    def raw(self, command: str) -> str:
        answer = self.engine.answer(command.encode("utf-8", "surrogateescape"))
        assert answer is not None
        return answer.decode()

    def ok(self, command: str) -> str:
        answer = self.raw(command)
        assert answer.startswith("="), f"{command}: {answer}"
        return answer[1:].strip()

    def fails(self, command: str) -> str:
        answer = self.raw(command)
        assert answer.startswith("? ") and answer.count("\n") == 2, f"{command}: {answer}"
        assert "internal error" not in answer
        return answer[2:].strip()
