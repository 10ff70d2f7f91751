"""Motion correction of a series as a job."""
