"""The report of a registration of scenes."""
