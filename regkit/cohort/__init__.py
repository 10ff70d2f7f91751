"""Many jobs: a table in, one table and one page out, on Dask.

A table's rows become jobs by a :class:`RowKind` (:mod:`regkit.cohort.kind`), all are judged by
their headers (:func:`plan_cohort`), and they run on workers of this machine or of a cluster
(:mod:`regkit.cohort.cluster`, :mod:`regkit.cohort.runner`). :func:`run_cohort` writes the results.
"""

from regkit.cohort.cohort import CohortDone, Count, run_cohort
from regkit.cohort.kind import OutcomeView, RowKind, kind_called
from regkit.cohort.outliers import CohortOutliers
from regkit.cohort.plan import Plan, PlannedPair, plan_cohort
from regkit.cohort.problems import TableError
from regkit.cohort.row import PairRow
from regkit.cohort.table import PairTable, read_pair_table
from regkit.cohort.work import FinishedPair, WorkWay, work

__all__ = [
    "CohortDone",
    "CohortOutliers",
    "Count",
    "FinishedPair",
    "OutcomeView",
    "PairRow",
    "PairTable",
    "Plan",
    "PlannedPair",
    "RowKind",
    "TableError",
    "WorkWay",
    "kind_called",
    "plan_cohort",
    "read_pair_table",
    "run_cohort",
    "work",
]
