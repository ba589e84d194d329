"""What can go wrong with webhooks.

AlertError
└── WebhookError
    ├── WebhookFileError    the file of the webhooks cannot be read or written
    ├── UnknownWebhookError  there is no such webhook
    ├── TooManyWebhooksError  no more are kept, for this key or at all
    └── TargetError         an address that nothing may be sent to
"""

from funding_platform.telemetry.alerts.errors import AlertError


class WebhookError(AlertError):
    """Something of a webhook does not work."""


class WebhookFileError(WebhookError):
    """The file that says which webhooks there are cannot be used."""


class UnknownWebhookError(WebhookError):
    """There is no such webhook."""


class TooManyWebhooksError(WebhookError):
    """No more webhooks are kept."""


class TargetError(WebhookError):
    """Nothing may be sent to an address. Says no path: it may hold a token."""
