"""What holds for every test: the notebooks under test run as those that `make notebooks` executes."""

import os

from helpers.teaching.notebooks import KERNEL_ENVIRONMENT

os.environ.update(KERNEL_ENVIRONMENT)
