"""The code behind *Unrolled*, the interactive course on recurrent neural networks.

The subject:  `numpy_rnn` and `tf_rnn` (the recurrence and its gradients), `numpy_lstm` and
`numpy_gru` (those with gates), `gradients` (Jacobians, the gradient term by term, finite
differences), `output` (what is read off the state, and the loss), `models` (whole networks),
`training` (optimisers and the training loop), `data` (the film reviews). The stage:    `teaching`
(figures, the notebooks' machinery).

Importing `helpers` never imports TensorFlow; only `helpers.tf_rnn` does.
"""

import logging
import os

# Read by Keras and TensorFlow when they are imported, so they are set here, before any notebook
# imports those. KERAS_BACKEND is overwritten, since a value from the reader's shell (jax, torch)
# would break every Keras cell; the other two only keep TensorFlow's start-up messages out of the
# notebooks.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# Matplotlib notes on stderr that it builds its cache of fonts, and that the cache is a temporary
# one where the home directory cannot be written. Both work, and neither is part of a lesson.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
