"""Which files of an inbox were read before, and what is done with those whose rows are committed.

A content that was read is a cursor ``file:<hash>``; a name under which it lay is a cursor ``seen:<hash of the name>``
with the file's stamp and that content. By the second a remote file need not be fetched again to know that it is old,
and a file is known to be taken over. Not here: reading.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator

from connectors.kit.contract import Cursor, Cursors, Item, Note, Rejects
from connectors.kit.errors import ConnectorError
from connectors.kit.inbox.inbox import Inbox, Stored

#: Key of the cursor of a content that was refused, as a whole or a statement of it: its file stays where it is.
REFUSED = "refused"
_TRUSTED_AFTER = 2 * 86_400  # a time of change this old is not one of two in the same second


class Taken:
    """What the cursors say of an inbox's files."""

    def __init__(self, inbox: Inbox, cursors: Cursors) -> None:
        self._inbox = inbox
        self._cursors = cursors

    def knows(self, file: Stored, ending: str = "") -> bool:
        """Whether the listing alone says that a file was read: by its ETag, or by size and a time that is long past.

        ``ending`` is what the content's cursor must end with, such as the fingerprint of a mapping.
        """
        content = self.content_of(file)
        old = bool(file.etag) or time.time() - file.modified > _TRUSTED_AFTER
        return self._inbox.is_remote and old and content is not None and content.stream.endswith(ending)

    def content_of(self, file: Stored) -> Cursor | None:
        """The content that was read under this name, where the file is still as it was then."""
        seen = self._cursors.get(_stream(file))
        if seen is None or seen.position != file.stamp:
            return None
        return self._cursors.get(f"file:{seen.key}")

    def marks(self, file: Stored, content: str) -> Iterator[Item]:
        """What to yield after a file's content: the name under which it was seen, where that is worth keeping."""
        seen = Cursor(_stream(file), file.stamp, content.removeprefix("file:"))
        keeps = self._inbox.is_remote or self._inbox.settings.after != "keep"
        if keeps and self._cursors.get(seen.stream) != seen:
            yield Rejects((), seen)

    def repeats(self, file: Stored, content: str, first: str) -> Iterator[Item]:
        """What to yield for a content that was read before: under another name it is told of, once."""
        seen = Cursor(_stream(file), file.stamp, content.removeprefix("file:"))
        if first == file.name:
            yield from self.marks(file, content)
        elif self._cursors.get(seen.stream) != seen:
            yield Note(f"{file.name} has the content of {first}, which was read; nothing is new")
            yield Rejects((), seen)


def waits(files: Iterable[Stored], unfinished: Iterable[str] = ()) -> Iterator[Note]:
    """Tell of the files that are left for the next run."""
    names = [f.name for f in files] + list(unfinished)
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        verb = "is" if len(names) == 1 else "are"
        yield Note(f"{', '.join(names[:3])}{more} {verb} still being written; left for the next run")


def acknowledge(inbox: Inbox, pattern: str, cursors: Cursors) -> list[str]:
    """Archive or delete each file that is still what was read and whose rows are committed; say what was done.

    What was refused stays: nobody else has it. What cannot be moved is told of and tried again at the next run.
    """
    after = inbox.settings.after
    if after == "keep":
        return []
    taken = Taken(inbox, cursors)
    done, failed, why = 0, [], ""
    try:
        for file in inbox.listing(pattern).files:
            content = taken.content_of(file)
            if content is None or content.key == REFUSED:
                continue
            try:
                digest = content.stream.split(":")[1]
                done += inbox.archive(file, digest) if after == "archive" else inbox.delete(file)
            except ConnectorError as problem:
                failed.append(file.name)
                why = why or str(problem)
    except ConnectorError as problem:
        return [f"what was read could not be {after}d: {problem}"]
    said = [f"{_files(done)} {after}d"] if done else []
    return [*said, f"{_files(len(failed))} could not be {after}d: {why}"] if failed else said


def _files(count: int) -> str:
    return f"{count} file" + ("" if count == 1 else "s")


def _stream(file: Stored) -> str:
    return f"seen:{hashlib.sha256(file.name.encode()).hexdigest()[:32]}"
