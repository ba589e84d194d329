"""What is wrong, said once when it begins and once when it ends.

Rules (``rules``) judge what is observed (``observing``); what is being told is kept in a small
database (``store``) together with the messages that wait to be sent (``outbox``), so that a kill
loses none. ``sinks`` is where they go. What is observed of the lake is not known here: see
``flows.alerting``.
"""
