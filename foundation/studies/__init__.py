"""Studies of promptable segmenters: how robust they are to prompts, and to other domains."""
