"""Encodings: the one that a record declares, the one that it betrays, and neither."""

import codecs
from pathlib import Path

import pytest
from sgf_samples import one, reasons, scan_text

from goengine.sgf.text import declared_codec, detect, simple_text

# Names as records have them; short, without CA, in the encodings of their countries.
NAMES = {
    "gb18030": (
        "柯洁 古力|常昊 刘小光|时越 芈昱廷|李世石 聂卫平|中国围棋 第三局|黑中盘胜 白中盘胜|温州杰星 狮子山大王"
    ),
    "big5": ("周俊勳 王元均|林君諺 許皓鋐|張栩 王立誠|黑棋中盤勝 白棋|楊士海 夏大銘|陳詩淵 蕭正浩|台灣棋院 圍棋"),
    "shift_jis": (
        "井山裕太 一力遼|趙治勲 小林光一|ヒカルの碁 さくら|本因坊秀策 井上因碩|武宮正樹 加藤正夫|黒中押し勝 白番"
        "|ソースのゾンビ 表十"
    ),
    "euc_kr": (
        "이창호 이세돌|박정환 신진서|조훈현 유창혁|김지석 최철한|백 불계승 흑 불계승|이쁜언니 바꿔바"
        "|청평최고수 수미성모"
    ),
    "cp1252": ("José Müller|François Gérard|Jürgen Björn|Søren André|Ángel Núñez"),
}
CASES = [(codec, *pair.split(" ", 1)) for codec, text in NAMES.items() for pair in text.split("|")]
DECLARED = {"gb18030": "GB18030", "big5": "Big5", "shift_jis": "Shift_JIS", "euc_kr": "EUC-KR", "cp1252": "ISO-8859-1"}


def record_in(codec: str, black: str, white: str, ca: str = "") -> bytes:
    return f"(;GM[1]SZ[19]{ca}PB[{black}]PW[{white}]RE[B+R];B[pd];W[dd];B[pp])".encode(codec)


@pytest.mark.parametrize(("codec", "black", "white"), CASES)
def test_names_without_ca(tmp_path: Path, codec: str, black: str, white: str) -> None:
    record = one(tmp_path, record_in(codec, black, white))
    assert (record.black, record.white, record.move_count) == (black, white, 3)


@pytest.mark.parametrize(("codec", "black", "white"), CASES)
def test_names_with_ca(tmp_path: Path, codec: str, black: str, white: str) -> None:
    record = one(tmp_path, record_in(codec, black, white, f"CA[{DECLARED[codec]}]"))
    assert (record.black, record.white, record.result) == (black, white, "B+R")


@pytest.mark.parametrize(("codec", "black", "white"), CASES)
@pytest.mark.parametrize(
    "wrong", ["UTF-8", "Shift_JIS", "Big5", "GB2312", "EUC-KR", "ISO-8859-1", "US-ASCII", "klingon"]
)
def test_a_wrong_ca_never_costs_a_move(tmp_path: Path, codec: str, black: str, white: str, wrong: str) -> None:
    records, problems = scan_text(tmp_path, record_in(codec, black, white, f"CA[{wrong}]"))
    assert [record.move_count for record in records] == [3]
    assert records[0].codes.tolist() == [72, 0x8000 | 60, 300]
    for problem in problems:
        assert problem.property == "CA" and not problem.skipped


def test_a_ca_that_does_not_fit_is_named(tmp_path: Path) -> None:
    records, problems = scan_text(tmp_path, record_in("utf-8", "이창호", "古力", "CA[GB2312]"))
    assert (records[0].black, records[0].white) == ("이창호", "古力")
    assert reasons(problems) == ["CA: another encoding than the text is in"]
    assert "read as utf-8" in problems[0].remedy
    _, problems = scan_text(tmp_path, record_in("euc_kr", "이창호", "이세돌", "CA[klingon]"))
    assert reasons(problems) == ["CA: an encoding that is not known"]


def test_brackets_and_backslashes_inside_characters(tmp_path: Path) -> None:
    # second bytes 0x5B, 0x5C and 0x5D, each of which would end or open a value, or escape the next byte
    for codec, name in (("shift_jis", "ゾソー表十能ァ充"), ("big5", "功許蓋么育"), ("gb18030", "柯洁昞昜中国围棋")):
        raw = name.encode(codec)
        assert any(trap in raw for trap in (b"[", b"\\", b"]"))
        for ca in ("", f"CA[{DECLARED[codec]}]"):
            text = f"(;GM[1]SZ[9]{ca}C[{name * 4}]PB[{name}];B[aa]C[{name}];W[bb])\n" * 3
            records, problems = scan_text(tmp_path, text.encode(codec))
            assert not problems, (codec, ca, str(problems[0]))
            assert [(record.black, record.move_count) for record in records] == [(name, 2)] * 3, (codec, ca)


def test_a_western_letter_before_a_bracket_is_no_chinese_character(tmp_path: Path) -> None:
    for ca in ("", "CA[ISO-8859-1]", "CA[Shift_JIS]", "CA[Big5]", "CA[GB18030]"):
        records, _ = scan_text(tmp_path, record_in("latin-1", "José", "André", ca))
        assert [record.move_count for record in records] == [3], ca
        if ca in ("", "CA[ISO-8859-1]"):
            assert (records[0].black, records[0].white) == ("José", "André")


def test_utf8_and_byte_order_marks(tmp_path: Path) -> None:
    text = record_in("utf-8", "이창호 古力", "ヒカル José").decode()
    for data in (text.encode(), codecs.BOM_UTF8 + text.encode(), text.encode("utf-16"), text.encode("utf-16-be")):
        if data.startswith(b"\0("):
            data = codecs.BOM_UTF16_BE + data
        record = one(tmp_path, data)
        assert (record.black, record.white) == ("이창호 古力", "ヒカル José")


def test_iso_2022_jp(tmp_path: Path) -> None:
    record = one(tmp_path, record_in("iso2022_jp", "井山裕太", "趙治勲"))
    assert (record.black, record.white) == ("井山裕太", "趙治勲")


def test_games_of_many_countries_in_one_file(tmp_path: Path) -> None:
    data = b"\n".join(record_in(codec, *pair) for codec, *pair in CASES if codec in ("euc_kr", "cp1252", "gb18030"))
    records, problems = scan_text(tmp_path, data)
    assert not problems
    assert all(record.move_count == 3 for record in records)
    expected = [tuple(pair) for codec, *pair in CASES if codec in ("euc_kr", "cp1252", "gb18030")]
    assert sum((record.black, record.white) == pair for record, pair in zip(records, expected, strict=True)) >= 17


MIXED = [
    ("gb18030", "柯洁", "黑中盘胜"),
    ("shift_jis", "山城宏", "白表"),
    ("big5", "許家元", "許功"),
    ("utf-8", "이창호", "黑中盘胜一"),
]


@pytest.mark.parametrize("ca", [True, False])
@pytest.mark.parametrize("first", range(4))
def test_each_game_of_a_file_has_its_own_encoding(tmp_path: Path, first: int, ca: bool) -> None:
    order = MIXED[first:] + MIXED[:first]
    games = []
    for codec, name, result in order:
        label = f"CA[{DECLARED.get(codec, 'UTF-8')}]" * ca
        text = f"(;GM[1]SZ[9]{label}PB[{name}]RE[{result}];B[aa]C[{name * 3}{result}];W[bb]C[好一手];B[cc])\n"
        games += [text.encode(codec, errors="replace")] * 60
    records, problems = scan_text(tmp_path, b"".join(games))
    assert not problems
    assert [record.move_count for record in records] == [3] * 240
    wanted = [(name, result) for _, name, result in order for _ in range(60)]
    assert [(record.black, record.result) for record in records] == wanted


def test_a_wrong_ca_among_games_of_another_encoding_is_named(tmp_path: Path) -> None:
    right = record_in("gb18030", "柯洁", "李世石", "CA[GB2312]")
    games = [
        right,
        record_in("utf-8", "이창호", "古力", "CA[GB2312]"),
        record_in("euc_kr", "이창호", "이세돌", "CA[klingon]"),
    ]
    _, problems = scan_text(tmp_path, b"\n".join([*games, right]))
    assert [(problem.game, problem.reason) for problem in problems] == [
        (2, "another encoding than the text is in"), (3, "an encoding that is not known"),
    ]  # fmt: skip


def test_characters_that_look_like_utf8_by_chance(tmp_path: Path) -> None:
    assert "时越".encode("gb18030").decode("utf-8") == "ʱԽ"
    for ca in ("", "CA[GB2312]"):
        usual, odd = record_in("gb18030", "柯洁", "古力", ca), record_in("gb18030", "时越", "时越", ca)
        records, problems = scan_text(tmp_path, b"\n".join([usual, odd, usual]))
        assert [record.black for record in records] == ["柯洁", "时越", "柯洁"] and not problems


def test_undecodable_text_is_replaced(tmp_path: Path) -> None:
    records, _ = scan_text(tmp_path, b"(;SZ[9]CA[UTF-8]PB[\xff\xfe\x80ab];B[aa];W[bb])")
    assert records[0].move_count == 2
    assert records[0].black.isprintable()


@pytest.mark.parametrize("name", [
    "GB2312", "gbk", "BIG5", "Shift_JIS", "x-sjis", "EUC-KR", "ks_c_5601-1987", "UTF-8",
    "utf8", "ISO-8859-1", "latin1", "windows-1252", "cp1251", "KOI8-R", "EUC-JP", "ascii",
])  # fmt: skip
def test_declared_codecs_decode(name: str) -> None:
    codec = declared_codec(name.encode())
    assert codec is not None
    assert b"(;B[aa])".decode(codec) == "(;B[aa])"


@pytest.mark.parametrize("name", [
    "", " ", "klingon", "rot13", "hex", "zlib", "base64", "idna", "punycode", "unicode_escape",
    "raw_unicode_escape", "utf-16", "utf-32", "utf-7", "cp037", "undefined", "\0", "a" * 999,
    "../../etc/passwd", "é",
])  # fmt: skip
def test_codecs_that_are_refused(name: str) -> None:
    assert declared_codec(name.encode("latin-1")) is None


def test_detection_of_anything_gives_a_codec() -> None:
    for data in (
        b"",
        b"\x80",
        b"\xff" * 10,
        bytes(range(256)),
        b"\xa4",
        b"\x81\x30\x81\x30",
        bytes(range(128, 256)) * 100,
    ):
        data.decode(detect(data), errors="replace")


def test_simple_text() -> None:
    assert simple_text(b"a\\]b", "utf-8") == "a]b"
    assert simple_text(b"a\\\\n", "utf-8") == "a\\n"
    assert simple_text(b"a\\\nb", "utf-8") == "ab"
    assert simple_text(b" a\r\n\tb ", "utf-8") == "a b"
    assert simple_text(b"a  b", "utf-8") == "a  b"
    assert simple_text(b"tail\\", "utf-8") == "tail\\"
    assert simple_text(b"\x1b[31mred\x00\x7f", "utf-8") == "[31mred"
