"""Many jobs: a table in, one table and one page out, on Dask.

A table's rows become jobs by a :class:`RowKind` (:mod:`regkit.cohort.kind`), all are judged by
their headers (:func:`plan_cohort`), and they run on workers of this machine or of a cluster
(:mod:`regkit.cohort.cluster`, :mod:`regkit.cohort.runner`). :func:`run_cohort` writes the results.
"""

from regkit.cohort.cohort import CohortDone, Count, run_cohort
from regkit.cohort.kind import RowKind, Seen, kind_called
from regkit.cohort.outliers import Comparison
from regkit.cohort.plan import Plan, Planned, plan_cohort
from regkit.cohort.problems import TableError
from regkit.cohort.row import Row
from regkit.cohort.table import Table, read_table
from regkit.cohort.work import Finished, Way, work

__all__ = [
    "CohortDone",
    "Comparison",
    "Count",
    "Finished",
    "Plan",
    "Planned",
    "Row",
    "RowKind",
    "Seen",
    "Table",
    "TableError",
    "Way",
    "kind_called",
    "plan_cohort",
    "read_table",
    "run_cohort",
    "work",
]
