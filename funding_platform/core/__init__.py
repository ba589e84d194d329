"""The vocabulary: units, times, symbols, rules and declared tables, known by everything else.

No file reads, writes or looks at the clock. Over twenty files, as each is one subject that stands
alone; what belongs together has a folder (``tables``).
"""
