"""The small design system that pages of applications share: no build step, no foreign code."""
