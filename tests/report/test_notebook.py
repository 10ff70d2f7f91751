import subprocess
import sys
from dataclasses import replace

import pytest

from regkit import Volume
from regkit.report import widget
from regkit.report.display import display_range
from regkit.report.notebook import result_bundle


def test_a_volume_shows_its_slices_and_its_repr(head):
    html = head._repr_html_()
    assert html.count("<img") == 1
    assert 'src="data:image/svg+xml;charset=utf-8,' in html
    assert "Volume(24x28x20" in html


def test_labels_and_flat_images(parts, flat_result):
    assert parts._repr_html_().count("<img") == 1
    assert flat_result.fixed._repr_html_().count("<img") == 1


def test_names_are_escaped(head):
    html = replace(head, name="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html


def test_a_result_shows_fixed_warped_outlines_and_metrics(result):
    html = result._repr_html_()
    assert html.count("<img") == 3
    for words in ("Fixed", "Warped", "Outlines of fixed on warped", "Folding"):
        assert words in html


def test_names_in_a_result_are_escaped(result):
    bad = Volume(result.fixed.data, result.fixed.grid, '"><script>x</script>')
    assert "<script>" not in replace(result, fixed=bad, moving=bad)._repr_html_()


WIDGET = "application/vnd.jupyter.widget-view+json"


def test_a_notebook_with_ipyniivue_shows_three_planes_and_keeps_the_pictures(result):
    pytest.importorskip("ipyniivue")
    bundle = result._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) >= {WIDGET, "text/html", "text/plain"}
    assert bundle["text/html"] == result._repr_html_()
    planes, _, table = widget.result_widget(result, "<b>x</b>").children
    fixed, warped, *_ = planes.volumes
    assert (fixed.name, warped.name) == ("fixed.nii.gz", "warped.nii.gz")
    assert planes.opts.is_radiological_convention
    for volume, image in ((fixed, result.fixed), (warped, result.moving)):
        low, high = display_range(image)
        assert volume.cal_min == pytest.approx(low - (high - low) / 254)
        assert volume.cal_max == high
        assert volume.data.startswith(b"\x1f\x8b")
    assert table.value == "<b>x</b>"


def test_what_lies_above_fixed_is_chosen_and_faded(result):
    pytest.importorskip("ipyniivue")
    planes, controls, _ = widget.result_widget(result, "").children
    chosen, opacity, _ = controls.children
    names = ("warped", "moving, placed by its header", "log Jacobian")
    assert chosen.options == names
    for place, name in enumerate(names, start=1):
        chosen.value, opacity.value = name, 0.5
        shown = [volume.opacity for volume in planes.volumes]
        assert shown == [1.0, *(0.5 if n == place else 0.0 for n in (1, 2, 3))]


def test_without_ipyniivue_a_notebook_shows_the_pictures(result, monkeypatch):
    monkeypatch.setattr(widget, "find_spec", lambda _: None)
    assert set(result_bundle(result)) == {"text/html", "text/plain"}


def test_flat_results_have_pictures_alone(flat_result):
    assert set(result_bundle(flat_result)) == {"text/html", "text/plain"}


def test_reports_do_not_load_ipyniivue():
    code = "import sys, regkit.report.widget; print('ipyniivue' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
