"""How much of an encoder is needed: its width cut uniformly, and how redundant its features are."""
