"""What the benchmark of progression says of its phantom."""

import csv
import json

from benchmarks.progression_probe import only_the_ceiling, write_study


def test_the_ceiling_is_the_known_change_of_the_second_visit(tmp_path):
    visits, known = ["subject\tsession\timage\tlabels"], ["subject\tsession\tlabel\tchange_percent"]
    for person in ("p00", "p01"):
        for session in ("01", "02"):
            visits.append(f"{person}\t{session}\ta.nii\tl.nii")
            for n, label in enumerate((2, 4, 17, 43, 53)):
                known.append(f"{person}\t{session}\t{label}\t{n if session == '02' else 0}")
    (tmp_path / "visits.tsv").write_text("\n".join(visits) + "\n")
    (tmp_path / "known_volumes.tsv").write_text("\n".join(known) + "\n")
    study = write_study(tmp_path, ["unaligned", "rigid"], None)
    rows = list(csv.reader((tmp_path / "study.csv").read_text().splitlines()))
    assert rows[0][4:] == ["progressed", *(f"change_of_{label}" for label in (4, 17, 43, 53))]
    assert [row[4:] for row in rows[1:]] == [[str(n // 2), "1", "2", "3", "4"] for n in range(4)]
    sources = [
        each["source"] for each in json.loads(only_the_ceiling(study).read_text())["features"]
    ]
    assert sources == ["covariates", "volumes"]
    assert len(json.loads(study.read_text())["features"]) > 2
