"""The pieces of the gradient, one by one, and a judge of gradients that knows no calculus.

Everything here is for one sample and for reading, not for speed. Matrices that stand between states (Jacobians) are in
numerator layout and column form, as in equation (6): J[i, j] = ∂h_t[i] / ∂h_{t−1}[j]. Gradients by a weight have the
shape of that weight in code, as everywhere in `helpers`.
"""

from collections.abc import Callable

from helpers import _validation as check
from helpers.numpy_rnn import ACTIVATIONS, RNNParams

import numpy as np


def finite_difference(f: Callable[[np.ndarray], float], a: np.ndarray, eps: float = 5e-6) -> np.ndarray:
    """Central differences (f(a + eps e_k) − f(a − eps e_k)) / (2 eps) for every entry k of `a`.

    f maps an array shaped like `a` to one number. Returns an array shaped like `a`; the error is of order eps²
    (truncation) plus 1e-16/eps (rounding), smallest near eps = 6e-6 for f and a of order one (Press et al., Numerical
    Recipes, 3rd ed., § 5.7). `a` is not changed. Raises ValueError unless `a` is float64 and f returns a finite number.
    """
    check.check_numpy(a=a)
    check.check_positive(eps=eps)
    if a.dtype != np.float64:
        raise ValueError(f"a must be float64, got {a.dtype}: in float32 rounding would hide the difference")
    gradient = np.empty(a.shape)
    for k in np.ndindex(a.shape):
        ends = []
        for step in (eps, -eps):
            moved = a.copy()
            moved[k] += step
            value = np.asarray(f(moved))
            if value.size != 1 or not np.isfinite(value).all():
                raise ValueError(f"f must return one finite number, got {value!r} at index {k}")
            ends.append(float(value.reshape(())))
        gradient[k] = (ends[0] - ends[1]) / (2 * eps)
    return gradient


def state_jacobians(params: RNNParams, h: np.ndarray, activation: str = "tanh") -> np.ndarray:
    """Compute J_t = ∂h_t/∂h_{t−1} = diag(σ′(z_t)) W_hh for every step, numerator layout, W_hh in column form.

    This is the transpose of equation (8), which is in denominator layout. h (T, H) are one sample's states as returned
    by `rnn_forward`; σ′(z_t) is computed from them (1 − h_t² for tanh). Returns J (T, H, H) with
    J[t][i, j] = ∂h_t[i] / ∂h_{t−1}[j]; J[0] is by the initial state. Raises ValueError for what does not fit.
    """
    check.check_choice("activation", activation, ACTIVATIONS)
    check.check_numpy(h=h, **params._asdict())
    check.check_shapes(check.check_shapes(W_hh=(params.W_hh, "H H")), h=(h, "T H"))
    check.check_floats(W_hh=params.W_hh, h=h)
    _check_finite(h=h, W_hh=params.W_hh)
    slope = ACTIVATIONS[activation].slope(h)
    return slope[:, :, None] * params.W_hh.T


def gradient_ledger(
    params: RNNParams,
    x: np.ndarray,
    h: np.ndarray,
    dh: np.ndarray,
    h_0: np.ndarray | None = None,
    activation: str = "tanh",
) -> np.ndarray:
    """Write down every term of equation (4): ledger[t, i] is what the loss at step t says through step i's use of W_hh.

    ∂L_t/∂o_t ∂o_t/∂h_t = dh[t], then ∂h_t/∂h_i = J_t ⋯ J_{i+1}, then the direct derivative ∂⁺h_i/∂W_hh, which holds
    h_{i−1} fixed. x (T, D), h (T, H) and dh (T, H) belong to one sample; h_0 (H,) is zero when left out.

    Returns (T, T, H, H): the last two axes are shaped as W_hh in code; entries with i > t are zero. Summed over the
    first two axes it is ∂L/∂W_hh. Raises ValueError for what does not fit, also when h are not the states of x.
    """
    check.check_numpy(x=x, h=h, dh=dh, **params._asdict())
    sizes = check.check_shapes(W_xh=(params.W_xh, "D H"), W_hh=(params.W_hh, "H H"), b=(params.b, "H"))
    sizes = check.check_shapes(sizes, x=(x, "T D"), h=(h, "T H"), dh=(dh, "T H"))
    check.check_floats(x=x, h=h, dh=dh, **params._asdict())
    if h_0 is None:
        h_0 = np.zeros_like(h[0])
    check.check_numpy(h_0=h_0)
    check.check_shapes(sizes, h_0=(h_0, "H"))
    check.check_floats(h=h, h_0=h_0)
    _check_finite(x=x, h=h, dh=dh, h_0=h_0, **params._asdict())
    h_prev = np.vstack([h_0, h[:-1]])
    h_expected = x @ params.W_xh + h_prev @ params.W_hh + params.b
    ACTIVATIONS[activation].apply(h_expected)
    if not np.allclose(h, h_expected, rtol=0, atol=1e-4):
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
    return ledger


def _check_finite(**arrays):
    for name, a in arrays.items():
        if not np.isfinite(a).all():
            check.explain_non_finite(name, **{name: a})
