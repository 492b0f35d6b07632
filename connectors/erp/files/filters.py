"""``type = 'RV' and amount > 0``: which rows of a file are an entity's.

Belongs here: the little language and its meaning over text columns. Not here: SQL, evaluation of anything else.

    expression  comparisons joined by ``and``, ``or``, in brackets where needed; ``and`` binds closer
    comparison  column = != < <= > >= literal · column [not] in (literal, …) · column is [not] null
    column      a header, in "double quotes" or `backticks` where it is not one word
    literal     'text' ('' is a quote) or a number; a number compares by value, and a cell that is no number never fits
An empty cell is empty text: it is null, and it differs from 'RV'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

Mask = Callable[[pa.Table], pa.Array]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[+-]?\d+(?:\.\d+)?(?![\w.]))|(?P<quoted>"[^"]+"|`[^`]+`)"""
    r"""|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)|(?P<word>[^\W\d][\w.]*))"""
)
_NUMBER = r"^[+-]?[0-9]{1,20}(?:\.[0-9]{1,10})?$"
_COMPARE: dict[str, Callable[[pa.Array, pa.Scalar], pa.Array]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


@dataclass(frozen=True)
class Filter:
    """A parsed filter: the headers that it reads, and the mask that it makes of a table of text columns."""

    columns: frozenset[str]
    mask: Mask


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str

    def word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def parse_filter(text: str) -> Filter:
    """Parse a filter; ValueError says where it stops being one."""
    parser = _Parser(text)
    mask = parser.expression()
    parser.end()
    return Filter(frozenset(parser.columns), mask)


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize(text)
        self._at = 0
        self.columns: set[str] = set()

    def expression(self) -> Mask:
        return self._joined("or", lambda: self._joined("and", self._comparison, pc.and_), pc.or_)

    def end(self) -> None:
        if self._peek.kind != "end":
            raise self._wrong("and, or, or the end")

    def _joined(self, word: str, part: Callable[[], Mask], join: Callable[[pa.Array, pa.Array], pa.Array]) -> Mask:
        mask = part()
        while self._peek.word(word):
            self._next()
            mask = _both(mask, part(), join)
        return mask

    def _comparison(self) -> Mask:
        if self._take("("):
            inner = self.expression()
            self._need(")")
            return inner
        column = self._column()
        token = self._next()
        if token.word("is"):
            negated = self._word("not")
            if not self._word("null"):
                raise self._wrong("null")
            return _inverted(_is_null(column), negated)
        negated = token.word("not")
        if negated:
            token = self._next()
        if token.word("in"):
            return _inverted(self._among(column), negated)
        if negated or token.text not in _COMPARE or token.kind != "sign":
            self._at -= 1
            raise self._wrong("= != < <= > >= in or is")
        return _compared(column, token.text, self._literal())

    def _among(self, column: str) -> Mask:
        self._need("(")
        mask = _compared(column, "=", self._literal())
        while self._take(","):
            mask = _both(mask, _compared(column, "=", self._literal()), pc.or_)
        self._need(")")
        return mask

    def _column(self) -> str:
        token = self._next()
        if token.kind not in ("word", "quoted"):
            self._at -= 1
            raise self._wrong("a column")
        name = token.text.strip('"`') if token.kind == "quoted" else token.text
        self.columns.add(name)
        return name

    def _literal(self) -> str | Decimal:
        token = self._next()
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return Decimal(token.text)
        self._at -= 1
        raise self._wrong("'text' or a number")

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _take(self, sign: str) -> bool:
        taken = self._peek.kind == "sign" and self._peek.text == sign
        self._at += taken
        return taken

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise self._wrong(sign)

    def _word(self, word: str) -> bool:
        taken = self._peek.word(word)
        self._at += taken
        return taken

    def _wrong(self, wanted: str) -> ValueError:
        found = repr(self._peek.text) if self._peek.kind != "end" else "the end"
        return ValueError(f"filter {self._text!r}: {wanted} is wanted where {found} stands")

    @staticmethod
    def _tokenize(text: str) -> list[_Token]:
        tokens, at = [], 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if not match or not match.lastgroup:
                raise ValueError(f"filter {text!r} cannot be read at {text[at:].strip()[:20]!r}")
            tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return [*tokens, _Token("end", "")]


def _both(left: Mask, right: Mask, join: Callable[[pa.Array, pa.Array], pa.Array]) -> Mask:
    return lambda table: join(left(table), right(table))


def _inverted(mask: Mask, negated: bool) -> Mask:
    return (lambda table: pc.invert(mask(table))) if negated else mask


def _cells(table: pa.Table, column: str) -> pa.Array:
    return pc.fill_null(table.column(column), "")


def _is_null(column: str) -> Mask:
    return lambda table: pc.equal(pc.binary_length(pc.utf8_trim_whitespace(_cells(table, column))), 0)


def _compared(column: str, sign: str, literal: str | Decimal) -> Mask:
    compare = _COMPARE[sign]
    if isinstance(literal, str):
        return lambda table: compare(_cells(table, column), pa.scalar(literal))

    def by_value(table: pa.Table) -> pa.Array:
        cells = pc.utf8_trim_whitespace(_cells(table, column))
        numeric = pc.match_substring_regex(cells, _NUMBER)
        values = pc.if_else(numeric, cells, pa.scalar(None, pa.string())).cast(pa.decimal128(30, 10))
        return pc.fill_null(compare(values, pa.scalar(literal, pa.decimal128(30, 10))), sign in ("!=", "<>"))

    return by_value
