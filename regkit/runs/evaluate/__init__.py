"""How well a registration fits, measured by what was drawn or marked in both images."""

from regkit.runs.evaluate.again import evaluate_again
from regkit.runs.evaluate.job import EvaluateJob, EvaluatePaths

__all__ = ["EvaluateJob", "EvaluatePaths", "evaluate_again"]
