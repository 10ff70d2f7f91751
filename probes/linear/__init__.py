"""Linear probes: what a linear model can tell from features of subjects it has not seen."""

from probes.linear.differences import ProbeDifference, compare_probes
from probes.linear.folds import Fold, FoldPlan, given_folds, grouped_folds
from probes.linear.nested import ProbeFit, choose_columns, fit_probe
from probes.linear.permutation import PermutationControl, permutation_control
from probes.linear.scores import ProbeScore, score_probe
from probes.linear.target import Target

__all__ = [
    "Fold",
    "FoldPlan",
    "PermutationControl",
    "ProbeDifference",
    "ProbeFit",
    "ProbeScore",
    "Target",
    "choose_columns",
    "compare_probes",
    "fit_probe",
    "given_folds",
    "grouped_folds",
    "permutation_control",
    "score_probe",
]
