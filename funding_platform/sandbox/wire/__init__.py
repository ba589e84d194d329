"""The wire formats that the sandbox speaks: a file per venue and kind, and what several share."""
