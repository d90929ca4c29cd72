"""Bytes of a game record to text: the encoding that the record declares, or the one it betrays."""

from __future__ import annotations

import codecs
import re


def codec_of(data: bytes, declared: bytes) -> tuple[str, str]:
    """The Python codec for a game record that is not plain ASCII, and what is wrong with the declared one."""
    try:
        data.decode("utf-8")
        return "utf-8", ""
    except UnicodeDecodeError:
        return "latin-1", ""


def simple_text(value: bytes, codec: str) -> str:
    """A raw SGF value as one line of text."""
    text = value.decode(codec, errors="replace")
    if "\\" in text:
        text = re.sub(r"\\(\r\n|\n\r|\r|\n)", "", text)
        text = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    return " ".join(text.split()) if not text.isprintable() or "  " in text else text.strip()
