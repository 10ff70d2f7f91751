"""Linear probes for disease progression, and feature-reliance analysis."""
