"""The pieces of the gradient, one by one, and a judge of gradients that knows no calculus.

Everything here is for one sample and for reading, not for speed. Matrices that stand between states
(Jacobians) are in numerator layout and column form, as in equation (6): J[i, j] = ∂h_t[i] /
∂h_{t−1}[j]. Gradients by a weight have the shape of that weight in code, as everywhere in
`helpers`.
"""

from collections.abc import Callable

from helpers import _validation as check
from helpers.numpy_rnn import ACTIVATIONS, RNNParams, as_arrays

import numpy as np


def finite_difference(
    f: Callable[[np.ndarray], float], a: np.ndarray, eps: float = 5e-6
) -> np.ndarray:
    """Central differences (f(a + eps e_k) − f(a − eps e_k)) / (2 eps) for every entry k of `a`.

    f maps an array shaped like `a` to one number. Returns an array shaped like `a`; the error is of
    order eps² (truncation) plus 1e-16/eps (rounding), smallest near eps = 6e-6 for f and a of order
    one (Press et al., Numerical Recipes, 3rd ed., § 5.7). `a` is not changed. Raises ValueError
    unless `a` is float64 and finite, `f` returns one finite float64 number, and `eps` is large
    enough to move every entry.
    """
    check.check_positive(eps=eps)
    a = check.as_array("a", a)
    if a.dtype != np.float64:
        raise ValueError(
            f"a must be float64, got {a.dtype}: in float32 rounding would hide the difference"
        )
    check.check_finite("a", a)

    def value_at(k, step):
        moved = a.copy()
        moved[k] += step
        if moved[k] == a[k]:
            raise ValueError(
                f"eps must be large enough to change a, got {eps} beside {a[k]} at index {k}"
            )
        value = np.asarray(f(moved))
        if value.shape != () or value.dtype != np.float64 or not np.isfinite(value):
            raise ValueError(f"f must return one finite float64 number, got {value!r} at index {k}")
        return float(value)

    gradient = np.empty(a.shape)
    for k in np.ndindex(a.shape):
        gradient[k] = (value_at(k, eps) - value_at(k, -eps)) / eps / 2
    check.check_overflow("the difference", gradient)
    return gradient


@np.errstate(over="ignore", invalid="ignore")  # overflow is reported in words, not as a warning
def state_jacobians(params: RNNParams, h: np.ndarray, activation: str = "tanh") -> np.ndarray:
    """Compute J_t = ∂h_t/∂h_{t−1} = diag(σ′(z_t)) W_hh of every step, W_hh in column form.

    In numerator layout: the transpose of equation (8), which is in denominator layout. h (T, H) are
    one sample's states as returned by `rnn_forward`; σ′(z_t) is computed from them (1 − h_t² for
    tanh). Returns J (T, H, H) with J[t][i, j] = ∂h_t[i] / ∂h_{t−1}[j]; J[0] is by the initial
    state. Raises ValueError for what does not fit.
    """
    _, W_hh, _, h = as_arrays(params, activation, h=(h, "T H")).values()
    J = ACTIVATIONS[activation].slope(h)[:, :, None] * W_hh.T
    check.check_overflow("J", J)
    return J


@np.errstate(over="ignore", invalid="ignore")
def gradient_ledger(
    params: RNNParams,
    x: np.ndarray,
    h: np.ndarray,
    dh: np.ndarray,
    h_0: np.ndarray | None = None,
    activation: str = "tanh",
) -> np.ndarray:
    """Write down every term of equation (4): ledger[t, i], of the loss at t and the use at i.

    ∂L_t/∂o_t ∂o_t/∂h_t = dh[t], then ∂h_t/∂h_i = J_t ⋯ J_{i+1}, then the direct derivative
    ∂⁺h_i/∂W_hh, which holds h_{i−1} fixed. x (T, D), h (T, H) and dh (T, H) belong to one sample;
    h_0 (H,) is zero when left out.

    Returns (T, T, H, H): the last two axes are shaped as W_hh in code; entries with i > t are zero.
    Summed over the first two axes it is ∂L/∂W_hh. Raises ValueError for what does not fit, also
    when h are not the states of x.
    """
    given = {"x": (x, "T D"), "h": (h, "T H"), "dh": (dh, "T H")}
    given |= {} if h_0 is None else {"h_0": (h_0, "H")}
    W_xh, W_hh, b, x, h, dh, *h_0 = as_arrays(params, activation, **given).values()
    h_0 = h_0[0] if h_0 else np.zeros_like(h[0])
    h_prev = np.vstack([h_0, h[:-1]])
    h_expected = ACTIVATIONS[activation].apply(x @ W_xh + h_prev @ W_hh + b)
    if not np.allclose(h, h_expected, rtol=0, atol=1e-4 * max(1, np.abs(h).max())):
        raise ValueError(
            "h must be the states that rnn_forward returns for params, x, h_0 and activation; "
            f"it differs from them by up to {np.abs(h - h_expected).max():.2g}"
        )

    T, H = h.shape
    J = state_jacobians(params, h, activation)
    slope = ACTIVATIONS[activation].slope(h)
    ledger = np.zeros((T, T, H, H), h.dtype)
    for t in range(T):
        row = dh[t]  # ∂L_t/∂h_i as a row vector, starting at i = t, where ∂h_t/∂h_i is I
        for i in reversed(range(t + 1)):
            ledger[t, i] = np.outer(h_prev[i], row * slope[i])
            row = row @ J[i]
    check.check_overflow("the ledger", ledger)
    return ledger
