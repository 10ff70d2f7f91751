"""Have other libraries write what the tests read: ``python -m tests.io.transform_formats.record``.

Needs nitransforms, fslpy, surfa, antspyx, picsl-greedy and itk-elastix, which the tests do without:
they read ``oracles.json`` beside this file. Prints how far each program and regkit are apart on
files that regkit wrote.
"""

from __future__ import annotations

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np

from regkit import Grid, read_transform, write_transform
from regkit.geometry.affines import homogeneous
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, bend_on, inside, right_handed

ORACLES = Path(__file__).with_name("oracles.json")
COMBINATIONS = {
    f"{one}{other}": (
        FIXED if one == "L" else right_handed(FIXED),
        MOVING if other == "L" else right_handed(MOVING),
    )
    for one in "LR"
    for other in "LR"
}
POINTS = inside(FIXED).numpy()
EXPECTED = TURN(POINTS)


def nifti(grid):
    return nib.Nifti1Image(np.zeros(grid.shape, np.float32), grid.affine)


def apart(found):
    return float(np.linalg.norm(np.asarray(found) - EXPECTED, axis=1).max())


def mapped(matrix, points=POINTS):
    return points @ np.asarray(matrix)[:3, :3].T + np.asarray(matrix)[:3, 3]


def fsl():
    """FLIRT matrices of a world transform, by fslpy and by nitransforms."""
    from fsl.data.image import Image
    from fsl.transform import affine, flirt
    from nitransforms.io.fsl import FSLLinearTransform

    out = {}
    for name, (fixed, moving) in COMBINATIONS.items():
        ref, src = Image(nifti(fixed)), Image(nifti(moving))
        stored = flirt.toFlirt(affine.invert(TURN.matrix), src, ref, "world", "world")
        other = FSLLinearTransform.from_ras(
            TURN.matrix, moving=nifti(moving), reference=nifti(fixed)
        )
        with tempfile.TemporaryDirectory() as folder:
            flirt.writeFlirt(stored, Path(folder, "a.mat"))
            out[name] = Path(folder, "a.mat").read_text()
            place = write_transform(
                TURN, Path(folder, "b.mat"), fixed=fixed, moving=moving, program="fsl"
            )
            back = flirt.fromFlirt(flirt.readFlirt(place), src, ref, "world", "world")
            print(f"FSL {name}: fslpy {apart(mapped(affine.invert(back))):.2g} mm")
            ras = FSLLinearTransform.from_filename(place).to_ras(nifti(moving), nifti(fixed))
            print(f"FSL {name}: nitransforms {apart(mapped(ras)):.2g} mm")
        assert np.allclose(np.array(other["parameters"]), stored, atol=1e-5)
    return out


def afni():
    from nitransforms.io.afni import AFNILinearTransform

    images = {"moving": nifti(MOVING), "reference": nifti(FIXED)}
    made = AFNILinearTransform.from_ras(TURN.matrix, **images)
    row = np.array(made["parameters"])[:3].ravel().tolist()
    with tempfile.TemporaryDirectory() as folder:
        place = write_transform(TURN, Path(folder, "a.1D"), fixed=FIXED, moving=MOVING)
        back = AFNILinearTransform.from_filename(place).to_ras(**images)
        print(f"AFNI: nitransforms {apart(mapped(back)):.2g} mm")
    return "# 3dAllineate matrices\n" + " ".join(f"{value:.12g}" for value in row) + "\n"


def afni_field():
    """nitransforms takes every image for a straight one, and so is asked about such alone."""
    from nitransforms.nonlinear import DenseFieldTransform

    straight = Grid((16, 15, 14), homogeneous(np.diag([-1.5, 1.2, 2.0]), [9.0, -7, 4]))
    points, phi = straight.world_points().reshape(-1, 3).numpy(), bend_on(straight)
    with tempfile.TemporaryDirectory() as folder:
        place = write_transform(
            phi, Path(folder, "a.nii.gz"), program="afni", fixed=straight, moving=straight
        )
        there = DenseFieldTransform.from_filename(place, fmt="afni").map(points)
        print(f"AFNI field, straight images: nitransforms {np.abs(there - phi(points)).max():.2g}")


def freesurfer():
    import surfa

    target, source = (
        surfa.ImageGeometry(grid.shape, vox2world=grid.affine) for grid in (FIXED, MOVING)
    )
    forth = surfa.Affine(TURN.inverse().matrix, source=source, target=target, space="world")
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, space in enumerate(("vox", "world")):
            forth.convert(space=space).save(str(Path(folder, "a.lta")))
            out[str(kind)] = Path(folder, "a.lta").read_text()
        place = write_transform(TURN, Path(folder, "b.lta"), fixed=FIXED, moving=MOVING)
        back = surfa.load_affine(str(place)).convert(space="world").inv()
        print(f"FreeSurfer LTA: surfa {apart(mapped(back.matrix)):.2g} mm")
        from nitransforms.io.lta import FSLinearTransformArray

        ras = FSLinearTransformArray.from_filename(place).to_ras()[0]
        print(f"FreeSurfer LTA: nitransforms {apart(mapped(ras)):.2g} mm")
    surface = forth.convert(space="surf")
    out["surf"] = np.linalg.inv(surface.matrix).tolist()
    return out


def x5():
    import base64

    from nitransforms.io.x5 import X5Transform, from_filename, to_filename
    from nitransforms.linear import Affine

    with tempfile.TemporaryDirectory() as folder:
        Affine(TURN.matrix).to_filename(str(Path(folder, "a.x5")), fmt="X5")
        place = write_transform(TURN, Path(folder, "b.x5"))
        (back,) = from_filename(place)
        assert isinstance(back, X5Transform), to_filename
        assert np.array_equal(back.transform, TURN.matrix)
        print(f"X5: nitransforms {apart(Affine.from_filename(place, fmt='X5').map(POINTS)):.2g} mm")
        return base64.b64encode(Path(folder, "a.x5").read_bytes()).decode()


def ramps(grid, folder, name):
    """Images whose values are the world coordinates of their voxels, and one of ones."""
    points = grid.world_points().numpy()
    out = []
    for axis in range(3):
        path = Path(folder, f"{name}{axis}.nii.gz")
        nib.save(nib.Nifti1Image(points[..., axis].astype(np.float32), grid.affine), path)
        out.append(str(path))
    return out


def greedy(name, phi):
    """What greedy sends voxels of fixed to: it resamples ramps of coordinates."""
    from picsl_greedy import Greedy3D

    with tempfile.TemporaryDirectory() as folder:
        program = "greedy" if name.endswith(".mat") else "itk"
        place = write_transform(phi, Path(folder, name), program=program, fixed=FIXED)
        moving, fixed = ramps(MOVING, folder, "m"), ramps(FIXED, folder, "f")
        found = []
        for axis, path in enumerate(moving):
            out = str(Path(folder, f"o{axis}.nii.gz"))
            words = f"-d 3 -rf {fixed[0]} -ri LINEAR -rb 9999 -rm {path} {out} -r {place}"
            Greedy3D().execute(words)
            found.append(np.asarray(nib.load(out).dataobj))
        image = np.stack(found, -1).reshape(-1, 3)
    aim = phi(FIXED.world_points().numpy().reshape(-1, 3))
    index = MOVING.to_index(__import__("torch").from_numpy(aim)).numpy()
    there = ((index > 0.01) & (index < np.array(MOVING.shape) - 1.01)).all(1)
    print(f"greedy {name}: {np.abs(image - aim)[there].max():.2g} mm at {there.sum()} voxels")


def fields():
    """Where fslpy and ANTsPy send a thousand points by fields that regkit wrote."""
    import ants
    from fsl.data.image import Image
    from fsl.transform.nonlinear import DeformationField, convertDeformationType

    out = {}
    phi = TURN @ bend_on(FIXED)
    index = np.random.default_rng(6).integers(0, FIXED.shape, (1000, 3))
    nodes = FIXED.affine[:3] @ np.c_[index, np.ones(1000)].T
    for name, (fixed, moving) in COMBINATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            place = write_transform(
                phi, Path(folder, "a.nii.gz"), fixed=fixed, moving=moving, program="fsl"
            )
            src = Image(nifti(moving))
            field = DeformationField(str(place), src, srcSpace="fsl", refSpace="fsl")
            assert field.deformationType == "relative"
            points = field.transform(nodes.T, from_="world", to="world")
            out[name] = np.round(points, 6).tolist()
            apart = np.abs(points - phi(nodes.T)).max()
            absolute = DeformationField(
                convertDeformationType(field, "absolute"), src, header=field.header,
                srcSpace="fsl", refSpace="fsl",
            )  # fmt: skip
            print(f"FSL field {name}: fslpy {apart:.2g} mm, {absolute.deformationType}")
    bend = bend_on(FIXED)
    with tempfile.TemporaryDirectory() as folder:
        place = write_transform(bend, Path(folder, "a.nii.gz"))
        turn = write_transform(TURN, Path(folder, "b.mat"))
        import pandas

        table = pandas.DataFrame(POINTS * [-1, -1, 1], columns=["x", "y", "z"])
        listed = [str(place), str(turn)]  # a point passes the first one first
        found = ants.apply_transforms_to_points(3, table, listed, whichtoinvert=[False, False])
        found = found[["x", "y", "z"]].to_numpy() * [-1, -1, 1]
        print(f"ANTs [warp, affine]: {np.abs(found - phi(POINTS)).max():.2g} mm")
        out["ants"] = np.round(found, 6).tolist()
        back = ants.apply_transforms_to_points(3, table, [str(turn)], whichtoinvert=[True])
        back = back[["x", "y", "z"]].to_numpy() * [-1, -1, 1]
        print(f"ANTs [T,1]: {np.abs(back - TURN.inverse()(POINTS)).max():.2g} mm")
        out["ants inverse"] = np.round(back, 6).tolist()
    return out, index.tolist()


def transformix(found, moving, place):
    """Where transformix sends the points, in RAS+; it writes what it finds to a folder."""
    import itk

    shifted = itk.TransformixFilter.New(moving)
    shifted.SetTransformParameterObject(found)
    shifted.SetFixedPointSetFileName(str(place.parent / "p.txt"))
    shifted.SetOutputDirectory(str(place))
    shifted.SetLogToConsole(False)
    shifted.Update()
    rows = (place / "outputpoints.txt").read_text().splitlines()
    points = [row.split("OutputPoint = [")[1].split("]")[0].split() for row in rows]
    return np.array(points, float) * [-1, -1, 1]


def elastix():
    """Files that elastix writes for five kinds, and where transformix sends points by them."""
    import itk

    from regkit import Volume

    blob = [np.exp(-((g.world_points() - g.world_points().mean((0, 1, 2))) ** 2 / 60).sum(-1))
            for g in (FIXED, MOVING)]  # fmt: skip
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        places = [
            Volume(100 * each.float(), grid).save(Path(folder, f"{n}.nii.gz"))
            for n, (each, grid) in enumerate(zip(blob, (FIXED, MOVING), strict=True))
        ]
        fixed, moving = (itk.imread(str(place), itk.F) for place in places)
        table = "point\n1000\n" + "".join(f"{-x:.9f} {-y:.9f} {z:.9f}\n" for x, y, z in POINTS)
        Path(folder, "p.txt").write_text(table)
        for kinds in (["translation"], ["rigid"], ["similarity"], ["affine", "bspline"]):
            maps = itk.ParameterObject.New()
            for kind in kinds:
                name = {"similarity": "rigid"}.get(kind, kind)
                one = maps.GetDefaultParameterMap(name, 1, 14.0)
                one["MaximumNumberOfIterations"] = ["30"]
                if kind == "similarity":
                    one["Transform"] = ["SimilarityTransform"]
                maps.AddParameterMap(one)
            place = Path(folder, kinds[-1])
            place.mkdir()
            method = itk.ElastixRegistrationMethod.New(fixed, moving)
            method.SetParameterObject(maps)
            method.SetLogToConsole(False)
            method.SetOutputDirectory(str(place))
            method.Update()
            found = method.GetTransformParameterObject()
            for n, kind in enumerate(kinds):
                text = Path(place, f"TransformParameters.{n}.txt").read_text()
                out[kind] = text.replace(folder, "/elsewhere")
            points = transformix(found, moving, place)
            out[f"{kinds[-1]} points"] = points.tolist()
            ours = read_transform(place / f"TransformParameters.{len(kinds) - 1}.txt")(POINTS)
            print(f"elastix {kinds[-1]}: transformix {np.abs(ours - points).max():.2g} mm")
        place = Path(folder, "bspline")
        last = Path(place, "TransformParameters.1.txt")
        renamed = last.read_text().replace('"BSplineT', '"RecursiveBSplineT')
        Path(place, "recursive.txt").write_text(renamed)
        again = itk.ParameterObject.New()
        again.ReadParameterFiles([str(last.with_name("TransformParameters.0.txt")),
                                  str(place / "recursive.txt")])  # fmt: skip
        ours = read_transform(place / "recursive.txt", program="elastix")(POINTS)
        points = transformix(again, moving, place)
        print(f"elastix recursive B-spline: transformix {np.abs(ours - points).max():.2g} mm")
        spline = read_transform(place / "recursive.txt", program="elastix").links[0]
        written = write_transform(spline, place / "ours.txt", program="elastix", fixed=FIXED)
        again = itk.ParameterObject.New()
        again.ReadParameterFile(str(written))
        worst = np.abs(spline(POINTS) - transformix(again, moving, place)).max()
        print(f"elastix B-spline of regkit: transformix {worst:.2g} mm")
        written = write_transform(TURN, Path(folder, "a.txt"), program="elastix", fixed=FIXED)
        again = itk.ParameterObject.New()
        again.ReadParameterFile(str(written))
        print(f"elastix affine: transformix {apart(transformix(again, moving, place)):.2g} mm")
    return out


def main():
    greedy("a.mat", TURN)
    greedy("a.nii.gz", TURN @ bend_on(FIXED))
    afni_field()
    found = {"fsl": fsl(), "afni": afni(), "lta": freesurfer(), "x5": x5()}
    found["fields"], found["index"] = fields()
    found["elastix"] = elastix()
    names = ("nitransforms", "fslpy", "surfa", "antspyx", "itk-elastix")
    found["versions"] = {name: version(name) for name in names}
    ORACLES.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
