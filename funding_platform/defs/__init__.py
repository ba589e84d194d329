"""What Dagster is told: assets, checks, jobs, automation, resources; thin shells around ``flows``.

A file per kind of definition, and one per stage of the assets: that is what they are looked for by.
"""
