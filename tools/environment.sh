#!/bin/sh
# Makes an environment from a lock:  sh tools/environment.sh .venv requirements.lock   (in the course's folder)
# It gets the Python named by $PYTHON; else python3, if pyproject.toml allows its version; else what uv finds or fetches.
folder=$1 lock=$2
range=$(sed -n 's/^requires-python = "\(.*\)"$/\1/p' pyproject.toml) # such as >=3.11,<3.14
oldest=${range#>=3.} oldest=${oldest%%,*} end=${range##*<3.}
newest=3.$((end - 1)) python=

uv() { sh tools/uv.sh "$@"; }
stop() { printf '%s\n' "$@" >&2; exit 1; }
# The path of a Python, behind an environment if it is in one; nothing if its version is out of range.
in_range() {
  PYTHONIOENCODING=utf-8 "$1" -c "import sys
if (3, $oldest) <= sys.version_info[:2] < (3, $end):
    sys.stdout.write(getattr(sys, '_base_executable', sys.executable))" 2>/dev/null
}
unfinished="The set-up did not finish; the lines above say why. It needs the network (this once), 2 GB of disk, and
permission to write into this folder (on Windows, where open files cannot go, close JupyterLab, too). Then call make again."
another="Without PYTHON=... make finds or fetches one that will do; or name another."

if [ -n "$PYTHON" ]; then
  command -v "$PYTHON" >/dev/null || stop "There is no $PYTHON on this machine. $another"
  python=$(in_range "$PYTHON")
  version=$("$PYTHON" -c "import sys; print(sys.version.split()[0])")
  [ -n "$python" ] || stop "The course needs Python $range, and $PYTHON is $version. $another"
fi
uv --version >/dev/null || exit 1
for usual in python3 python; do
  [ -n "$python" ] || python=$(in_range $usual)
done
if [ -z "$python" ]; then
  python=$(uv python find --system "$range" 2>/dev/null) # on the PATH, or one that uv has fetched before
fi
if [ -z "$python" ]; then
  echo "No Python $range is here: uv fetches one, 30 MB (100 MB unpacked), into $(uv python dir)."
  uv python install --no-bin "$range" && python=$(uv python find --managed-python "$range") || stop "
Fetching a Python failed; the lines above say why. Other ways, each followed by make again:
  one from your system:  Debian   sudo apt install python$newest
                         Ubuntu   sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python$newest
                         Fedora   sudo dnf install python$newest
                         macOS    brew install python@$newest
                         Windows  winget install Python.Python.$newest
  one that is not on the PATH:    make lab PYTHON=/its/path
  conda:                          see \"Other ways to install\" in README.md"
fi

# --python keeps uv out of an environment that happens to be active. The project itself is built with the setuptools
# that the lock has installed (--no-build-isolation): nothing gets in that the lock does not name. Compiled at once,
# since Python may be forbidden to do it later (PYTHONDONTWRITEBYTECODE): importing TensorFlow then takes 18 seconds.
rm -rf "$folder" &&
  uv venv --quiet --python "$python" "$folder" &&
  uv pip sync --python "$folder" --require-hashes --compile-bytecode "$lock" &&
  uv pip install --python "$folder" --no-deps --no-build-isolation --editable . || stop "$unfinished"
