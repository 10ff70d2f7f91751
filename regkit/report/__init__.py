"""Pictures and pages about a result: the HTML report, and what a notebook shows."""
