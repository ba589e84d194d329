"""One cycle of a trader: what is seen, what is held, and what is to be done about it.

Decisions are pure: the same market, book, accounts and time give the same ones. What carries them
out is ``trader``, and nothing else here waits, asks a venue, or writes.
"""
