"""How a promptable segmenter bears prompts that are wrong."""
