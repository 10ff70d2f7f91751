"""`regkit weights`: the networks that are installed, and how they come here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from regkit.cli.options import Debug, Json, Quiet

app = typer.Typer(
    no_args_is_help=True,
    help="List, fetch, check and import network weights.",
    epilog="Example: regkit weights list",
)
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A name that `regkit weights list` shows.")
]


@app.command("list")
def list_(as_json: Json = False, debug: Debug = False) -> None:
    """Show which weights are known, and which are installed.

    Example: regkit weights list
    """
    from regkit.networks.weights.known import KNOWN, SHIPPED
    from regkit.networks.weights.store import available_weights, folder

    here, told = available_weights(), KNOWN | SHIPPED
    rows = [
        {
            "name": name,
            "installed": name in here,
            "licence": told[name].licence if name in told else "not stated",
            "about": told[name].about if name in told else "imported",
        }
        for name in [*told, *(name for name in here if name not in told)]
    ]
    if as_json:
        typer.echo(json.dumps({"folder": str(folder()), "weights": rows}, indent=2))
        return
    for row in rows:
        state = "installed" if row["installed"] else "not here"
        typer.echo(f"{row['name']:<15}{state:<11}{row['about']}")


@app.command()
def path(name: Name, debug: Debug = False) -> None:
    """Show the file of installed weights.

    Example: regkit weights path small
    """
    from regkit.networks.weights.store import weights_path

    typer.echo(str(weights_path(name)))


@app.command()
def fetch(
    name: Name,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not download; say how to get the weights by hand.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Download published weights; an interrupted download is resumed.

    Example: regkit weights fetch multigradicon
    """
    from regkit.cli.terminal import say, transfer
    from regkit.networks.weights import store
    from regkit.networks.weights.known import known_weights

    source = known_weights(name)
    with transfer(name, quiet=quiet) as told:
        found = store.fetch(source, told, offline=offline)
    say(f"licence: {source.licence}", quiet=quiet)
    if not source.sha256:
        digest = store.read_weights_record(name).source_sha256
        say(f"no published SHA-256 to compare with; recorded {digest}", quiet=quiet)
    typer.echo(str(found))


@app.command()
def verify(name: Name, debug: Debug = False) -> None:
    """Check that installed weights are undamaged.

    Example: regkit weights verify multigradicon
    """
    from regkit.networks.weights import store

    record = store.verify(name)
    typer.echo(f"{name}: whole; SHA-256 {record.sha256}; made from {record.source}")


@app.command("import")
def import_(
    name: Name,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Weights file: .trch, .pt or .safetensors.")
    ],
    debug: Debug = False,
) -> None:
    """Install the weights in FILE under NAME; no code in the file is run.

    Example: regkit weights import mine weights.trch
    """
    from regkit.networks.weights import store

    typer.echo(str(store.import_file(name, file)))
