"""Images with their labels, in files of any layout, and the models that are asked about them."""
