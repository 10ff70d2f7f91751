"""Studies by probes: from a table and a configuration to a long table and a report."""
