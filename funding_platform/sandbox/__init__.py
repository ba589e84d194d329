"""Venues on loopback: a made-up or replayed market, served on the wire of each venue.

Over fifteen files: what a market has (rates, bars, spot, interest) is a file each, beside the
server, its faults and its limits.
"""
