"""How a segmenter fares where it was not trained, and what a prompt makes up for."""
