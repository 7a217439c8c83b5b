"""Alert rules for Prometheus and a dashboard for Grafana, as files to be copied."""
