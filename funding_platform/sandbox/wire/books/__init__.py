"""Order books in each venue's wire format."""
