"""The report of a registration: the sections that it adds to the kit."""
