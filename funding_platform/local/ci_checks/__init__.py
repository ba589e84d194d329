"""``make ci-checks``: a package, so that its sandbox does not begin by importing all of Dagster.

A process that is started imports the main module of its starter again, unless that is the
``__main__`` of a package.
"""
