"""What venues really hold: accounts made fit, fills and positions read, late fills handed on."""
