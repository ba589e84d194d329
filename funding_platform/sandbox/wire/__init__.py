"""The wire formats that the sandbox speaks: a file per venue, and what several share."""
