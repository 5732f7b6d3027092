"""Run the experiments that are named and store their rows."""

import sys

from tools.experiments import NAMES, store

if not sys.argv[1:] or {*sys.argv[1:]} - {*NAMES}:
    sys.exit(f"python -m tools.experiments NAME; there are: {', '.join(NAMES)}")
for name in sys.argv[1:]:
    store(name)
