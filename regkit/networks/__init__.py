"""The multi-step GradICON network: uniGradICON, multiGradICON, and what users trained like them."""
