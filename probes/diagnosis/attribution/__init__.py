"""Maps of attribution, and which metrics of them can be trusted for a model and its images."""
