"""The formats of images: one module or folder each, gathered in a table."""
