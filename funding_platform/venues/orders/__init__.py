"""What an exchange client must do, so that what trades need not know which exchange it is."""
