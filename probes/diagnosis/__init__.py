"""Diagnosis: questions to models and data sets that one table answers."""
