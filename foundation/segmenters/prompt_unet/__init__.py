"""A small promptable 3-D U-Net: its network, what it sees of prompts, and its training."""
