"""What the platform knows, for programs: REST answers, and streams of what changes.

What belongs here: the wire. Who may ask, how much, in which form an answer goes out, and for how
long its bytes are good. What does not: questions. They are ``flows.queries``'; the market as it
stands is what the live collector hands out. Nothing here opens a lake or a venue by itself.
"""
