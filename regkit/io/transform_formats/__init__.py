"""Transform files, one module for each program that writes them, and the table of all."""
