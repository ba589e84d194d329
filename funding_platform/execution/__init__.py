"""Trading pairs: what to hold, how both legs get there, and what is remembered of it.

Here belong the decisions of a cycle, the executor of two legs, the transactional store, and what
compares it with the venues. How a venue is spoken to does not (``venues.orders``), nor where
opportunities come from (``flows``): both are handed in.
"""
