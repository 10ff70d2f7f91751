"""What run.json says of the weights by which images were compared."""

import hashlib
import json
import shutil

from regkit.cli import main
from regkit.registration.backbones import backbone_files

FEW = "linear: {spacings: [8.0], iterations: 2}\nfield: {factors: [2], iterations: [2]}\n"


def test_files_of_backbones(pixel_folder, adm_file, tmp_path):
    weights = "diffusion_pytorch_model.safetensors"
    both = f"lncc2+0.5*features:diffusers={pixel_folder}+features:dgir-3d={adm_file}"
    assert [path.name for path in backbone_files(both)] == ["config.json", weights, adm_file.name]
    assert backbone_files("features:small-diffusion") == []
    assert backbone_files(f"features:diffusers={tmp_path / 'gone'}") == []


def test_other_weights_are_another_run(pixel_folder, head, tmp_path, capsys):
    folder = shutil.copytree(pixel_folder, tmp_path / "backbone")
    (tmp_path / "few.yaml").write_text(FEW)
    image = head.save(tmp_path / "head.nii.gz")
    words = ["register", image, image, "--config", tmp_path / "few.yaml", "-o", tmp_path / "out"]
    words += ["--similarity", f"features:diffusers={folder}", "--quiet", "--resume"]
    assert main([*map(str, words)]) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    expected = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }
    assert {entry["file"]: entry["sha256"] for entry in record["backbones"]} == expected
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    capsys.readouterr()
    assert main([*map(str, words)]) == 2
    assert "its backbones differ" in capsys.readouterr().err
