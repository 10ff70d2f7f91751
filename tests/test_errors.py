import pytest

from regkit import InputError
from regkit.errors import NotInvertibleError, RegkitError, ResourceError, require


def test_exit_codes():
    codes = {kind: kind.exit_code for kind in (RegkitError, InputError, NotInvertibleError)}
    assert codes == {RegkitError: 1, InputError: 2, NotInvertibleError: 2}
    assert ResourceError.exit_code == 4


def test_a_missing_package_names_its_extra():
    with pytest.raises(InputError, match=r"pip install 'regkit\[bench\]'"):
        require("no_such_package.part", extra="bench")


def test_a_broken_package_stays_broken(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        require("broken_package", extra="bench")
