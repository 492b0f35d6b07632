"""An inbox of files, wherever it is: this machine, an SFTP server, an object store.

Belongs here: reaching it safely, what lies in it, when a file is finished, what is done with it once it is taken over.
Not here: what stands in a file, whose it is.
"""

from connectors.kit.inbox.inbox import Inbox, Stored
from connectors.kit.inbox.known import REFUSED, Taken, acknowledge, waits
from connectors.kit.inbox.settings import InboxSettings

__all__ = ["REFUSED", "Inbox", "InboxSettings", "Stored", "Taken", "acknowledge", "waits"]
