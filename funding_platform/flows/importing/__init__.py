"""Foreign files into the lake: what a file is, what its columns mean, what becomes of its rows.

Over fifteen files: settled rates, hourly series and instruments share how a file is read.
"""
