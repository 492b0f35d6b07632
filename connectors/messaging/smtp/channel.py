"""Mail: the declaration."""

from __future__ import annotations

from connectors.kit.notifying import Channel
from connectors.messaging.smtp.client import SmtpNotifier, check
from connectors.messaging.smtp.settings import SmtpSettings

CHANNEL = Channel(name="smtp", title="Mail", settings=SmtpSettings, notifier=SmtpNotifier, check=check)
