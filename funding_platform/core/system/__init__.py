"""What Python and the machine do for everything else: packages, processes, clocks, small files."""
