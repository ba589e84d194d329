"""Bars, spot markets and open interest through time, as each venue serves them.

Every venue has a module here with ``ROUTES``, which the registry adds to the venue's ``WIRE``.
"""
