"""What is observed for webhooks, and the task that looks, judges and sends while the service runs.

Which webhooks there are, and how one message is sent, is ``telemetry.webhooks``'.
"""
