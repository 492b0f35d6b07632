"""``type = 'RV' and amount > 0``: which rows of a file are an entity's.

Belongs here: the little language and its meaning over text columns. Not here: SQL, evaluation of anything else.

    expression  comparisons joined by ``and``, ``or``, in brackets where needed; ``and`` binds closer
    comparison  column = != < <= > >= literal · column [not] in (literal, …) · column is [not] null
                column [not] in (select column [where expression]) · (column, …) [not] in (select column, … [where …])
    column      a header, in "double quotes" or `backticks` where it is not one word
    literal     'text' ('' is a quote) or a number; a number compares by value, and a cell that is no number never fits
An empty cell is empty text: it is null, and it differs from 'RV'.
A ``select`` looks at all rows of the same file, so that a row can be told by another one: what it refers to is there
or is not. A key with an empty part is never among what was selected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

Mask = Callable[[pa.Table], pa.Array]
_BETWEEN = "\x1f"  #: joins the parts of a key; no text cell of an export has it

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


class Selected:
    """The keys that a ``select`` finds in a file; ``learn`` is given all of the file before anybody asks."""

    def __init__(self, columns: tuple[str, ...], where: Mask | None) -> None:
        self._columns, self._where = columns, where
        self._keys: set[str] = set()

    def learn(self, table: pa.Table) -> None:
        """Take the keys of some of the file's rows."""
        rows = table if self._where is None else table.filter(self._where(table))
        self._keys.update(key for key in _key(rows, self._columns).to_pylist() if key is not None)

    def among(self, table: pa.Table, columns: tuple[str, ...]) -> pa.Array:
        """Tell for each row whether its key was selected."""
        return pc.is_in(_key(table, columns), value_set=pa.array(sorted(self._keys), pa.string()), skip_nulls=True)


@dataclass(frozen=True)
class Filter:
    """A parsed filter: the headers that it reads, and the mask that it makes of a table of text columns.

    ``selected``: what has to see the whole file before the mask is asked for.
    """

    columns: frozenset[str]
    mask: Mask
    selected: tuple[Selected, ...] = ()


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
    return Filter(frozenset(parser.columns), mask, tuple(parser.selected))


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize(text)
        self._at = 0
        self.columns: set[str] = set()
        self.selected: list[Selected] = []

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
        if self._is_key():
            return self._key_among()
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

    def _is_key(self) -> bool:
        """Tell whether (column, … stands here, and no expression in brackets."""
        first, _, third = [*self._tokens, *[_Token("end", "")] * 2][self._at :][:3]
        return (first.kind, first.text) == ("sign", "(") and (third.kind, third.text) == ("sign", ",")

    def _key_among(self) -> Mask:
        self._need("(")
        columns = self._columns()
        self._need(")")
        negated = self._word("not")
        if not self._word("in"):
            raise self._wrong("in")
        self._need("(")
        return _inverted(self._select(columns), negated)

    def _columns(self) -> tuple[str, ...]:
        columns = [self._column()]
        while self._take(","):
            columns.append(self._column())
        return tuple(columns)

    def _select(self, columns: tuple[str, ...]) -> Mask:
        if not self._word("select"):
            raise self._wrong("select")
        wanted = self._columns()
        if len(wanted) != len(columns):
            raise ValueError(f"filter {self._text!r}: {len(columns)} columns are compared with {len(wanted)}")
        before = len(self.selected)
        selected = Selected(wanted, self.expression() if self._word("where") else None)
        self._need(")")
        if len(self.selected) > before:
            raise ValueError(f"filter {self._text!r}: a select stands inside another one; one level is allowed")
        self.selected.append(selected)
        return lambda table: selected.among(table, columns)

    def _among(self, column: str) -> Mask:
        self._need("(")
        if self._peek.word("select"):
            return self._select((column,))
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


def _key(table: pa.Table, columns: tuple[str, ...]) -> pa.Array:
    """Return the rows' keys as one text each, null where a part is empty."""
    parts = []
    for column in columns:
        cells = pc.utf8_trim_whitespace(_cells(table, column))
        cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
        parts.append(pc.if_else(pc.equal(pc.binary_length(cells), 0), pa.scalar(None, pa.string()), cells))
    return pc.binary_join_element_wise(*parts, _BETWEEN)


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
