import pytest

from regkit import InputError, read_points


@pytest.fixture
def csv(tmp_path):
    def write(text, *, encoding="utf-8"):
        (tmp_path / "p.csv").write_text(text, encoding=encoding)
        return tmp_path / "p.csv"

    return write


def test_points_with_names(csv):
    points = read_points(csv('x,y,z,name\n1,2,3,tip\n-4.5,5e1,6,"a, b"\n'))
    assert points.xyz.tolist() == [[1, 2, 3], [-4.5, 50, 6]]
    assert points.names == ("tip", "a, b")


def test_points_without_names_and_in_2d(csv):
    assert read_points(csv("X, Y, Z\n1,2,3\n\n4,5,6\n")).xyz.shape == (2, 3)
    assert read_points(csv("x,y\n1,2\n")).xyz.tolist() == [[1, 2]]


def test_byte_order_mark_of_spreadsheets(csv):
    assert len(read_points(csv("x,y,z\r\n1,2,3\r\n", encoding="utf-8-sig"))) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3\n", ["line 1", "'1,2,3'", "RAS"]),
        ("l,p,s\n1,2,3\n", ["line 1", "'l,p,s'", "Negate x and y"]),
        ("# Markups fiducial file\n", ["line 1", "x,y,z"]),
        ("\n", ["line 1"]),
        ("x,y,z\n1,2,3\n1,2\n", ["line 3", "has 2 columns; 3 are needed"]),
        ("x,y,z\n1,2,3\n1,nan,3\n", ["line 3", "y = 'nan'", "finite"]),
        ("x,y,z\n1,2,abc\n", ["line 2", "z = 'abc'"]),
        ("x,y,z\n1,2,inf\n", ["line 2", "z = 'inf'"]),
        ("x,y,z\n", ["holds no point"]),
    ],
)
def test_lines_that_do_not_fit(csv, text, words):
    with pytest.raises(InputError) as caught:
        read_points(csv(text))
    for word in ("p.csv", *words):
        assert word in str(caught.value), str(caught.value)


def test_files_that_are_no_csv(csv, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="not found"):
        read_points(tmp_path / "no.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"b.csv: is not a CSV file"):
        read_points(tmp_path / "b.csv")
    monkeypatch.setattr("regkit.io.point_formats.comma_separated._MAX_BYTES", 4)
    with pytest.raises(InputError, match="larger than"):
        read_points(csv("x,y,z\n"))


def test_no_permission(csv, monkeypatch):
    path = csv("x,y,z\n1,2,3\n")

    def closed(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", closed)
    with pytest.raises(InputError, match="no permission"):
        read_points(path)
