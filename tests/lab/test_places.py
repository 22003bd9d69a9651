from pathlib import Path

import pytest
from plumbline.lab import places
from plumbline.lab.model import LabError


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PLUMBLINE_LAB_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/plumbline/lab"),
        ({"HOME": "/c"}, "/c/.cache/plumbline/lab"),
    ],
)
def test_where_the_cache_is(environment: dict[str, str], expected: str) -> None:
    assert places.cache(environment) == Path(expected)


def test_a_closed_home_of_root_is_no_place_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert places.cache({"HOME": str(home)}) == Path("/var/cache/plumbline/lab")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert places.cache({"HOME": str(home)}) == home / ".cache/plumbline/lab"


def test_a_closed_folder_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(LabError, match=r"is closed to other accounts.*set TMPDIR"):
        places.require_reachable(closed / "inner", "TMPDIR")
