"""What holds for every notebook under test."""

import os

# Nobody watches: helpers shows no progress bars, and none are stored in the notebooks (see helpers.teaching.notebooks).
os.environ["TQDM_DISABLE"] = "1"
