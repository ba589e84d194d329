"""Collecting from venues into the lake: what they serve as "now", attempts, and verbatim answers.

``history`` refetches what has passed; ``timing`` says when a venue is asked again.
"""
