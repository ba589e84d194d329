"""What the venues say on their sockets, one dialect per file."""
