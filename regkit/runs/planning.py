"""What a job is going to do, as a dry run shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from regkit.report.values import flat
from regkit.runs.job import Job


def plan_of(job: Job) -> dict[str, Any]:
    """Return the plan of a job as plain values: inputs, what the job adds, folder and outputs."""
    places = job.outputs.places()
    return {
        "inputs": [{"role": each.role, "file": each.shown} for each in job.inputs()],
        **job.plan(),
        "folder": str(job.outputs.folder),
        "outputs": job.outputs.described(list(places)),
    }


def plan_as_json(job: Job) -> str:
    """Write the plan for another program."""
    return json.dumps(plan_of(job), indent=2)


def plan_as_text(job: Job) -> str:
    """Write the plan for a person: a line for each input, each setting that is set, each output."""
    rows = [f"{each.role:<13} {each.shown}" for each in job.inputs()]
    rows += [f"{name:<13} {value}" for name, value in flat(_shown(job.plan()))]
    rows += [f"{'would write':<13} {path}" for path in job.outputs.places().values()]
    return "\n".join(rows)


def _shown(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan without the level at which its settings are nested."""
    settings = dict(plan.get("config", {}))
    return {name: value for name, value in plan.items() if name != "config"} | settings
