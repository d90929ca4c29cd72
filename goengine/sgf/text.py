"""Bytes of a game record to text: the encoding that the record declares in CA, or the one that its bytes betray.

Records hold a few names, which is too little for a general detector. Here the bytes are weighed by five small models,
one an encoding: how likely are they if the text is simplified or traditional Chinese, Japanese, Korean or western?
The models know the layout of the encodings and the commonest characters. Share of 500 pairs of players' names
(2026-11-20; 8,560 handles of Tom, Tygem and Fox, and 60 Japanese names) whose text is recovered:

                          GB18030   Big5   EUC-KR   Shift-JIS
    here                     99.6   98.4     99.6       100.0   per cent
    charset-normalizer 3.5   32.6   33.4     99.0        46.4   per cent
"""

from __future__ import annotations

import codecs
import math
import re
from functools import cache, lru_cache

_HANZI = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起"
    "看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美"
    "相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四"
    "神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完"
    "李张刘陈杨黄赵周吴徐孙胡朱郭罗林梁宋郑谢韩唐冯董萧程曹袁邓傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田姜范石姚谭廖邹熊陆郝孔崔康毛邱秦江史顾侯邵孟龙"
    "万段黎晓华伟强军洋勇俊昊宇轩浩飞鹏杰波辉刚健棋围杯胜负赛局九冠赢黑职业中盘武汉北京春风雪花云梦狼虎鹤剑侠客仙魔星影雨清红青蓝静笑快乐爱柯洁廷"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起"
    "看定天分還進好小部其些主樣理心本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美"
    "李張劉陳楊黃趙周吳徐孫胡朱郭羅林梁宋鄭謝韓唐馮董蕭程曹袁鄧傅沈曾彭呂蘇盧蔣蔡賈丁魏薛葉閻余潘杜戴夏鍾汪田姜范石姚譚廖鄒熊陸郝孔崔康毛邱秦江史顧侯邵孟龍萬段"
    "雲風華偉強勇俊宇軒浩飛鵬傑波輝剛健棋圍盃勝負賽局九冠贏黑白職盤王立誠夏衍名譽海峰陳詩淵許家元謝依旻正勳台灣臺北春雪花夢狼虎鶴劍俠客仙魔星影雨清紅青藍靜笑快樂愛"
)
_JAPANESE = (
    "ーンスルトイリクシラアレマカコキタツナニノハバパフプブメモロワサセソテデドグガジ、。・"
    "のにはをたがでてとしれさいるなかもこらくりうつまきすんよめわえあせけそちほ"
    "日本人大年一国会中出者上生手自分時間合部社学場業前後新小山田川村井木林石原野口藤上下松高橋渡辺伊加佐吉清水三池斎宮崎阿坂内岡島木森浜谷大平吉柳趙治勲武正樹秀行光"
    "一郎二太和雄夫子美男介輔紀紘昌浩裕史実康博幸司弘明英栄丈道誠依田羽根直覚林海峰結城聡河瀬芝虎丸許家元井裕太碁聖名人本因坊棋十段天元王座戦勝負段九初白黒番目半級"
    "対局第回決手中押持時切込込早碁譜先互置囲院関西東京張栩謝旻赤尾今村坂栄寿加藤剣正夫橋本昌二梶原武工藤紀小林光結瀬越憲作岩田達明宮沢吾朗片岡聡山下敬吾蘇耀国高尾紳路"
)
_HANGUL = (
    "이김박최정강조윤장임한오서신권황안송류홍전고문양손배백허유남심노하곽성차주우구민진지나엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국"
    "수영준호동철창훈세돌민재상용일경태규성승대희환혁종은아라사가자리하는을를의에로고다기해시스그만보어나무바사랑바람하늘별달꽃산강물불구름새눈비밤낮왕신검도사고수"
    "대국바둑기사프로단급승불계흑백집반제회전결선본예결승배명인천원국수왕위최고랭킹짱님나라우리모두행복인생청평번개소문폭풍전사무적황제천사악마전설미소한마음"
)

_GB, _BIG5, _SJIS, _KR, _LATIN = "gb18030", "big5hkscs", "cp932", "cp949", "cp1252"
_EASTERN = (_GB, _SJIS, _KR, _BIG5)
_KNOWN = {
    "gb2312": _GB, "gbk": _GB, "gb18030": _GB, "cp936": _GB, "x-gbk": _GB, "gb_2312-80": _GB, "euc-cn": _GB,
    "big5": _BIG5, "big5-hkscs": _BIG5, "cp950": _BIG5, "x-x-big5": _BIG5,
    "shift_jis": _SJIS, "shift-jis": _SJIS, "sjis": _SJIS, "x-sjis": _SJIS, "windows-31j": _SJIS, "cp932": _SJIS,
    "ms_kanji": _SJIS, "ms932": _SJIS,
    "euc-kr": _KR, "euckr": _KR, "ks_c_5601-1987": _KR, "ksc5601": _KR, "cp949": _KR, "uhc": _KR, "ms949": _KR,
}  # fmt: skip
_FAMILIES = re.compile(r"utf-8|ascii|iso8859-\d+|cp\d{3,4}|euc_\w+|iso2022_jp\w*|koi8-\w|mac-\w+|tis-620")
WITH_BRACKETS = (_GB, _BIG5, _SJIS)
"""Codecs in which the second byte of a character may look like a bracket or a backslash."""

_SEGMENT = re.compile(rb"(?:[\x80-\xff]+[\x40-\x7e]?)+")
_ENOUGH = 3000
"""Bytes to weigh at most; more changes nothing."""
_OTHER = math.log(1 / 60)  # an ASCII letter that follows
_WRONG = -25.0  # a byte that cannot stand there
_WESTERN = ("iso8859-1", "iso8859-15", "cp1252")
_CLEARLY = 8.0


def declared_codec(name: bytes) -> str | None:
    """The Python codec for a value of CA; None if there is none that keeps ASCII as it is."""
    key = name.decode("ascii", "replace").strip().lower()
    if not key:
        return None
    if key in _KNOWN:
        return _KNOWN[key]
    try:
        codec = codecs.lookup(key).name
        if _FAMILIES.fullmatch(codec) and "(;[\\]A~z".encode(codec) == b"(;[\\]A~z":
            return _KNOWN.get(codec, codec)
    except (LookupError, UnicodeError, ValueError):
        pass
    return None


def codec_of(data: bytes, declared: bytes) -> tuple[str, str]:
    """The Python codec for text that is not ASCII, and what is wrong with the declared one ("" if nothing)."""
    codec = declared_codec(declared)
    odd = "another encoding than the text is in"
    fault = "an encoding that is not known" if declared.strip() and codec is None else ""
    if fits(data, "utf-8"):
        return "utf-8", fault or ("" if codec in (None, "utf-8") else odd)
    if codec is not None and codec != "utf-8" and fits(data, codec) and not is_mislabelled(data, codec):
        return codec, ""
    return detect(data), fault or ("" if codec is None else odd)


def is_mislabelled(data: bytes, codec: str) -> bool:
    """Whether text said to be western, as many programs say of any text, is clearly of the far east."""
    if codec not in _WESTERN:
        return False
    weights = weigh(data)
    return max(weights.values()) > weights[_LATIN] + _CLEARLY


def fits(data: bytes, codec: str) -> bool:
    """Whether all of ``data`` is text in that encoding."""
    try:
        data.decode(codec)
    except UnicodeError:
        return False
    return True


def detect(data: bytes) -> str:
    """The likeliest codec of text that is neither ASCII nor UTF-8."""
    weights = weigh(data)
    return max(weights, key=lambda codec: weights[codec])


def weigh(data: bytes) -> dict[str, float]:
    """Log-likelihood of the bytes that are not ASCII, and of the ASCII byte after them, in each encoding."""
    weights = dict.fromkeys((*_EASTERN, _LATIN), 0.0)
    total = 0
    for found in _SEGMENT.finditer(data):
        for codec, weight in zip(_EASTERN, _eastern_weights(found[0]), strict=True):
            weights[codec] += weight
        weights[_LATIN] += _latin_weight(found[0], data[max(found.start() - 1, 0) : found.start()].isalpha())
        total += len(found[0])
        if total > _ENOUGH:
            break
    return weights


@lru_cache(1 << 14)
def _eastern_weights(segment: bytes) -> tuple[float, ...]:
    """`_weight` in each of `_EASTERN`; names, events and results come again."""
    return tuple(_weight(segment, codec) for codec in _EASTERN)


@cache
def _common(codec: str) -> dict[bytes, float]:
    """Log-likelihood of the commonest characters: they share two thirds of what is written, by their rank."""
    text = {_GB: _HANZI, _BIG5: _TRADITIONAL, _SJIS: _JAPANESE, _KR: _HANGUL}[codec]
    share = math.log(0.66 / len(set(text)))
    return {char.encode(codec): share for char in text}


def _weight(segment: bytes, codec: str) -> float:
    """Log-likelihood of a run of bytes in a double-byte encoding."""
    common = _common(codec)
    weight, at = 0.0, 0
    while at < len(segment):
        lead, pair = segment[at], segment[at : at + 2]
        if lead < 0x80:
            weight += _OTHER
            at += 1
        elif codec == _SJIS and 0xA1 <= lead <= 0xDF:
            weight += math.log(0.005 / 63)  # half-width katakana, one byte
            at += 1
        elif len(pair) < 2 or lead in (0x80, 0xFF):
            weight += _WRONG
            at += 1
        else:
            weight += common[pair] if pair in common else _rare(lead, pair[1], codec)
            at += 2
    return weight


def _rare(lead: int, trail: int, codec: str) -> float:
    """Log-likelihood of a character that is not among the commonest: its block's share over the block's length."""
    if codec == _GB:
        if trail < 0xA1 or lead < 0xA1:
            return math.log(0.002 / 15000)  # added by GBK
        if lead <= 0xA9:
            return math.log(0.01 / 700)
        return math.log(0.30 / 3200) if lead <= 0xD7 else math.log(0.025 / 3000)
    if codec == _KR:
        if trail < 0xA1 or lead < 0xA1:
            return math.log(0.001 / 8800)  # added by CP949
        if lead <= 0xAF:
            return math.log(0.005 / 1000)
        return math.log(0.32 / 2100) if lead <= 0xC8 else math.log(0.01 / 4900)
    if codec == _BIG5:
        if lead < 0xA1 or not (0x40 <= trail <= 0x7E or 0xA1 <= trail <= 0xFE):
            return _WRONG
        if lead <= 0xA3:
            return math.log(0.01 / 400)
        return math.log(0.31 / 5000) if lead <= 0xC6 else math.log(0.015 / 7600)
    if 0xA0 <= lead <= 0xDF or trail == 0x7F or trail < 0x40 or trail > 0xFC:
        return _WRONG
    if lead <= 0x84:
        return math.log(0.03 / 500)
    return math.log(0.29 / 2700) if lead <= 0x98 else math.log(0.02 / 3400)


def _latin_weight(segment: bytes, after_letter: bool) -> float:
    """Log-likelihood of a run of bytes in a western encoding: accented letters stand mostly alone among plain ones."""
    alone = sum(byte >= 0x80 for byte in segment) == 1
    weight = 2.5 if after_letter else 0.0
    for byte in segment:
        if byte < 0x80:
            weight += _OTHER
        elif byte >= 0xC0:
            weight += math.log((0.5 if alone else 0.04) / 64)
        else:
            weight += math.log((0.05 if alone else 0.001) / 64)
    return weight


def simple_text(value: bytes, codec: str) -> str:
    """A raw SGF value as one line of printable text."""
    text = value.decode(codec, errors="replace")
    if "\\" in text:
        text = re.sub(r"\\(?:\r\n|\n\r|\r|\n)", "", text)
        text = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    if text.isprintable():
        return text.strip()
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
