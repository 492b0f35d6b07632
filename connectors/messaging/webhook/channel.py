"""A webhook: the declaration."""

from __future__ import annotations

from connectors.kit.notifying import Channel
from connectors.messaging.webhook.client import WebhookNotifier, check
from connectors.messaging.webhook.settings import WebhookSettings

CHANNEL = Channel(name="webhook", title="Webhook", settings=WebhookSettings, notifier=WebhookNotifier, check=check)
