"""Tables of small files, and cohorts without Dask."""

import pytest

from regkit.cohort import WorkWay, plan_cohort, read_pair_table, run_cohort, work
from regkit.cohort.kept import RecentCache
from tests.cohort.jobs import ROWS


@pytest.fixture
def table(tmp_path):
    """Write a table of numbers: one file a row, and further columns as they are given."""

    def made(count, **columns):
        lines = [",".join(["source", *columns])]
        for n in range(count):
            (tmp_path / f"n{n}.txt").write_text(f"{n} 1")
            lines.append(",".join([f"n{n}.txt", *(cells[n] for cells in columns.values())]))
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(lines) + "\n")
        return read_pair_table(path)

    return made


@pytest.fixture
def serially():
    """Run a plan in this process, one pair after the other."""

    def ran(plan, *, resume=False, again=False, **more):
        way, kept = WorkWay(plan.kind, plan.folder, threads=1, again=again), RecentCache()
        finished = (work(n, each, way, kept) for n, each in enumerate(plan.pairs))
        return run_cohort(plan, finished, resume=resume, **more)

    return ran


@pytest.fixture
def plan(table, tmp_path):
    """Six rows that go well."""
    return plan_cohort(table(6), ROWS, tmp_path / "out")
