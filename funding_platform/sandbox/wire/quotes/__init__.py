"""The objects of one contract at a moment, which REST and streams of a venue share."""
