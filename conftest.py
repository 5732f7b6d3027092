"""What holds for every test.

The notebooks under test run as those that `make notebooks` executes.
"""

import os

from tools.notebooks import KERNEL_ENVIRONMENT

os.environ.update(KERNEL_ENVIRONMENT)
