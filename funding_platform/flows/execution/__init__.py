"""Trading as a use case: the market that a trader sees, the process it runs in, what is kept of it.

Here belongs what joins the pure decisions of ``execution`` with the lake, the live board and the
settings of a machine. What is decided, and how orders are sent, does not.
"""
