"""One small feature in several frameworks, measured side by side; see FEATURE.md."""
