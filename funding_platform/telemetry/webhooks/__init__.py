"""Webhooks that programs ask for: what each wants to be told, where it goes, and in which form.

They stand on the rules, the store and the signature of ``telemetry.alerts``. What is observed for
them, and when it is sent, is the service's: see ``service.webhooks``.
"""
