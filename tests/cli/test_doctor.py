import json

from regkit.cli import main


def test_all_is_well(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for word in ("versions  regkit", "devices   cpu", "weights", "free", "self-test passed"):
        assert word in said


def test_a_machine_that_calculates_wrongly_is_found(capsys, monkeypatch):
    monkeypatch.setattr("regkit.cli.doctor.self_test", lambda: (1.0, 2.5))
    assert main(["doctor", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert "small" in said["weights"]  # comes with regkit
    assert said["self_test"] == {"passed": False, "seconds": 1.0, "error_mm": 2.5}
