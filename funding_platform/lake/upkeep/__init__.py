"""What keeps a lake small and whole, and what it has to know before it deletes."""
