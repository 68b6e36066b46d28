"""The clients for Node and browsers, at the versions of the lock, in a cache outside the repository.

``python -m tests.clients.packages`` fetches them before they are needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

NODE = Path(__file__).parent / "node"


def installed() -> tuple[Path, str]:
    """Return where the packages are, or why they are not there."""
    lock = (NODE / "package-lock.json").read_bytes()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "icustomer-tests" / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    missing = [name for name in ("node", "npm") if not shutil.which(name)]
    if missing:
        return folder, f"{' and '.join(missing)} not found: apt-get install nodejs npm"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(NODE / name, folder / name)
            # The lock pins every version. No package may run a script of its own, none needs to.
            command = "npm install --no-save --omit=optional --ignore-scripts --no-audit --no-fund"
            done = subprocess.run(
                command.split(), cwd=folder, capture_output=True, text=True, timeout=240
            )
            if done.returncode:
                return folder, f"npm could not install the clients: {done.stderr.strip()[-300:]}"
            (folder / "installed").touch()
    return folder, ""


if __name__ == "__main__":
    sys.exit(installed()[1] or None)
