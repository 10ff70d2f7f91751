"""Compare scores of several subjects: intervals, paired differences, many tests, equivalence."""

from regkit.statistics.differences import PairedDifference, paired_difference
from regkit.statistics.equivalence import Equivalence, equivalence
from regkit.statistics.holm import holm
from regkit.statistics.intervals import Interval, bootstrap_interval, percentile_interval

__all__ = [
    "Equivalence",
    "Interval",
    "PairedDifference",
    "bootstrap_interval",
    "equivalence",
    "holm",
    "paired_difference",
    "percentile_interval",
]
