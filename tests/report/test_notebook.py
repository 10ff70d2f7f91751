from dataclasses import replace

from regkit import Volume


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
