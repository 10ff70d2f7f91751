"""One way to run anything: a job is described, checked, run, recorded, resumed and repeated here.

A job is a :class:`Job`: a frozen dataclass that pickles. :func:`run` checks it, sees whether memory
and disk suffice, opens its inputs, does the work in a staging place, writes the record last and
publishes everything at once; the report of an outcome that has a page (:class:`WithReport`) among
it. Other packages make their jobs known by the entry points ``regkit.jobs``
(:mod:`regkit.runs.kinds`), so that ``regkit rerun`` repeats their runs too.
"""

from regkit.runs.growing import GrowingFolder
from regkit.runs.inputs import InputFile
from regkit.runs.job import Job, Needs, Outcome, Survey, Task, WithReport
from regkit.runs.outputs import RECORD, Files, Folder, Outputs
from regkit.runs.progress import OnProgress, Progress, ignore
from regkit.runs.resume import is_finished
from regkit.runs.running import RunOutcome, begin, check, run

__all__ = [
    "RECORD",
    "Files",
    "Folder",
    "GrowingFolder",
    "InputFile",
    "Job",
    "Needs",
    "OnProgress",
    "Outcome",
    "Outputs",
    "Progress",
    "RunOutcome",
    "Survey",
    "Task",
    "WithReport",
    "begin",
    "check",
    "ignore",
    "is_finished",
    "run",
]
