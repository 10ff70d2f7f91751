"""What happens to images before they are compared: intensities, masks, the common box."""
