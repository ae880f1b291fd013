"""An environment as a stranger has it: what is installed here, and then what they install themselves.

`environment` makes it; what is in this process's environment is seen there and never changed.  Where pip or the build
backend is missing, `pip install -e` is done by hand: a path, and the metadata that a project declares.
"""

import os
import stat
import sys
import sysconfig
import tomllib
import venv
from importlib.util import find_spec
from pathlib import Path

SHIM = '#!/bin/sh\nexec "{python}" {command} "$@" {options}\n'
OFFLINE = "--no-build-isolation --no-deps --no-index --disable-pip-version-check -q"


def environment(folder):
    """The environment variables under which a command runs in a new virtual environment in the folder."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({path!r})\n" for path in sorted(own)]
    (site / "what-is-here.pth").write_text("".join(lines))
    scripts = folder / "bin"
    python = scripts / "python"
    real = find_spec("pip") and find_spec("hatchling")
    commands = {
        "polynet": ("-m polynet", ""),
        "pytest": ("-m pytest -p no:cacheprovider", ""),
        "pip": ("-m pip", OFFLINE) if real else (f'"{__file__}"', ""),
    }
    for name, (command, options) in commands.items():
        path = scripts / name
        path.write_text(SHIM.format(python=python, command=command, options=options))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    unwanted = ("POLYNET_", "PYTEST_", "PYTHONPATH", "PIP_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    path = os.pathsep.join([str(scripts), clean["PATH"]])
    return clean | {"PATH": path, "VIRTUAL_ENV": str(folder), "POLYNET_HOME": str(folder)}


def install(project):
    """What `pip install -e` does with a project of this shape."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    site = Path(sysconfig.get_path("purelib"))
    name = declared["name"].replace("-", "_")
    (site / f"{name}.pth").write_text(f"{project}\n")
    info = site / f"{name}-{declared['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {declared['name']}\nVersion: {declared['version']}\n"
    (info / "METADATA").write_text(head)
    groups = declared["entry-points"].items()
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
            for group, entries in groups
        )
    )


if __name__ == "__main__":
    assert sys.argv[1:3] == ["install", "-e"], "only pip install -e PATH"
    install(Path(sys.argv[3]).resolve())
