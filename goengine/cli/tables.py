"""The report of ``goengine evaluate`` as text, from its plain values."""

from collections.abc import Iterator
from typing import Any

__all__ = ["report_lines"]

Row = dict[str, Any]


def report_lines(report: Row) -> Iterator[str]:
    """The lines of a report, and of its comparison with another network where it has one."""
    yield from _one(report)
    if "against" in report:
        yield ""
        yield from _one(report["against"])
        yield ""
        yield from _comparison(report)


def _one(report: Row) -> Iterator[str]:
    averaged = f", mean of {report['symmetries']} symmetries" if report["symmetries"] > 1 else ""
    yield f"{report['network']}: {report['positions']:,} positions of {report['games']:,} games{averaged}"
    if not report["complete"]:
        yield f"interrupted: only this random part of {report['asked']:,} positions was measured"
    yield ""
    yield f"{'':16}{'positions':>10}{'top-1':>9}{'95 % interval':>17}{'top-5':>9}{'loss':>9}"
    yield _figures("all", report)
    for title, key in (("moves", "by_phase"), ("", "by_source"), ("rank", "by_rank")):
        if report[key]:
            yield ""
            yield from (_figures(f"{title} {name}".strip(), row) for name, row in report[key].items())
    if not report["by_rank"]:
        yield "\nthe records give no ranks"
    yield ""
    yield from _calibration(report["calibration"])
    yield ""
    yield f"accuracy among legal moves, loss in nats; intervals: {report['intervals']}"
    yield f"{report['positions'] / max(report['seconds'], 1e-9):,.0f} positions/s"


def _figures(name: str, row: Row) -> str:
    low, high = row["top1_interval"]
    interval = f"{100 * low:.2f} to {100 * high:.2f}"
    share = f"{row['positions']:10,}{row['top1']:9.2%}{interval:>17}{row['top5']:9.2%}{row['loss']:9.4f}"
    return f"{name:16}{share}"


def _calibration(calibration: Row) -> Iterator[str]:
    yield (
        f"when it gives its favourite move a probability, is it played so often? expected calibration error "
        f"{100 * calibration['ece']:.2f} points ({100 * calibration['ece_by_chance']:.2f} by chance alone)"
    )
    yield f"{'it says':16}{'positions':>10}{'on average':>12}{'played':>9}{'95 % interval':>17}"
    for row in calibration["top_move"]:
        low, high = row["interval"]
        interval = f"{100 * low:.2f} to {100 * high:.2f}"
        name = f"{100 * row['from']:.0f} to {100 * row['to']:.0f} %"
        yield f"{name:16}{row['count']:10,}{row['says']:12.1%}{row['played']:9.1%}{interval:>17}"


def _comparison(report: Row) -> Iterator[str]:
    compared, one, other = report["comparison"], report["network"], report["against"]["network"]
    yield f"{one} less {other}, on the same positions:"
    for name, key, scale, unit in (
        ("top-1", "top1", 100, "points"),
        ("top-5", "top5", 100, "points"),
        ("loss", "loss", 1, "nats"),
    ):
        interval = compared[f"{key}_interval"]
        digits = 2 if scale == 100 else 4
        shown = "" if interval is None else f" ({scale * interval[0]:+.{digits}f} to {scale * interval[1]:+.{digits}f})"
        yield f"  {name} {scale * compared[key]:+.{digits}f} {unit}{shown}"
    yield (
        f"  first guess right: both {compared['both']:,}, only {one} {compared['only_one']:,}, "
        f"only {other} {compared['only_other']:,}, neither {compared['neither']:,}; "
        f"the same guess in {compared['same_move']:.1%}"
    )
    if report["differences"]:
        yield "\nwhere they differ most (probability of the move played, and each one's favourite):"
        for entry in report["differences"]:
            place = f"{entry['file']}, game {entry['game']}, move {entry['move']}"
            said = "; ".join(
                f"{name} {entry[key]['played']:.1%}, {entry[key]['move']} {entry[key]['probability']:.1%}"
                for name, key in ((one, "one"), (other, "other"))
            )
            yield f"  {place}: {entry['played']}: {said}"
