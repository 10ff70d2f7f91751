"""Fast loops behind one small interface, each with its plain PyTorch reference."""
