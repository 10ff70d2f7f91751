"""What files say of the unit of lengths."""

import nibabel as nib
import pytest

from regkit import Grid, InputError, Volume, World


@pytest.mark.parametrize(
    ("world", "unit"), [(World("um"), "micron"), (World("m"), "meter"), (World.pixels(), "unknown")]
)
def test_nifti_says_the_unit_of_the_world(head, world, unit, tmp_path):
    image = Volume(head.data, Grid(head.shape, head.affine, world))
    saved = nib.load(image.save(tmp_path / "a.nii"))
    assert saved.header.get_xyzt_units()[0] == unit


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_formats_that_hold_millimetres_refuse_other_lengths(head, name, tmp_path):
    small = head.in_unit("um")
    with pytest.raises(InputError, match=rf"{name}: this format holds mm, .* in RAS\+ µm"):
        small.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert small.in_unit("mm").save(tmp_path / name).exists()
