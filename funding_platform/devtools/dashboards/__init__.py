"""Grafana's dashboards: declared here, written to ``deploy/grafana`` as the JSON that it reads."""
