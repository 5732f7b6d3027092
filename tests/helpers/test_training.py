"""The optimisers against their formulas and against Keras; the training loop's promises."""

import io
from typing import NamedTuple

from helpers import training
from helpers.training import SGD, Adam, clip_by_global_norm, fit, global_norm, updates

import numpy as np
import pytest
import tqdm
from cases import refused


class Params(NamedTuple):
    """A network of two arrays."""

    W: np.ndarray
    b: np.ndarray


class Grads(NamedTuple):
    """Gradients that go on after those of the params, as `RNNGrads` do."""

    W: np.ndarray
    b: np.ndarray
    x: np.ndarray


def random_params(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return Params(rng.standard_normal((2, 3)).astype(dtype), rng.standard_normal(3).astype(dtype))


def bowl(params, batch):
    """Half the squared distance of the params from the batch's target, and its gradient."""
    (target,) = batch
    grads = Params(params.W - target, params.b - target)
    return 0.5 * global_norm(grads) ** 2, grads


def assert_same(left, right, tolerance=0.0):
    assert type(left) is type(right)
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def test_global_norm():
    norm = global_norm(Params(np.array([[3.0]]), np.array([4.0])))
    assert norm == pytest.approx(5, rel=1e-15) and type(norm) is float
    large = Params(np.full((2, 2), 3e30, np.float32), np.full(4, 4e30, np.float32))
    assert global_norm(large) == pytest.approx(1e31, rel=1e-6)  # its square is beyond float32


@pytest.mark.filterwarnings("error")
def test_a_norm_beyond_the_largest_number_is_infinite():
    assert global_norm([np.full(3, 1e200)]) == np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_shortens_and_keeps_the_direction(dtype):
    grads = Params(np.array([[3.0, 0.0]], dtype), np.array([-4.0], dtype))
    clipped, norm = clip_by_global_norm(grads, 1)
    assert norm == 5 and {a.dtype for a in clipped} == {np.dtype(dtype)}
    assert_same(clipped, Params(np.array([[0.6, 0.0]]), np.array([-0.8])), 1e-7)
    for max_norm in (5, 6, np.inf):
        assert clip_by_global_norm(grads, max_norm)[0] is grads
    assert clip_by_global_norm(Params(np.zeros((1, 2)), np.zeros(1)), 1)[1] == 0
    np.testing.assert_array_equal(grads.W, [[3, 0]])


def test_clipping_tames_an_exploded_gradient():
    exploded = Params(np.full((2, 3), 1e25, np.float32), np.full(3, -1e25, np.float32))
    clipped, _ = clip_by_global_norm(exploded, 3)
    assert_same(clipped, Params(np.ones((2, 3), np.float32), -np.ones(3, np.float32)), 1e-6)


def test_clipping_names_what_is_wrong():
    for max_norm in (0, -1, np.nan):
        with refused(ValueError, "max_norm must be a positive number", repr(max_norm)):
            clip_by_global_norm(random_params(), max_norm)
    with refused(FloatingPointError, "the norm of the gradient is nan"):
        clip_by_global_norm(Params(np.array([[np.nan]]), np.ones(1)), 1)


def test_sgd_is_its_formula():
    params, grads = random_params(0), random_params(1)
    new = SGD(0.1).update(params, grads)
    assert_same(new, Params(params.W - 0.1 * grads.W, params.b - 0.1 * grads.b), 1e-15)


@pytest.mark.parametrize("optimizer", [SGD(0.1), Adam(0.1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_updates_keep_type_and_dtype_and_change_no_argument(optimizer, dtype):
    optimizer = type(optimizer)(0.1)  # a new one, as Adam remembers
    params, grads = random_params(0, dtype), random_params(1, dtype)
    for a in (*params, *grads):
        a.setflags(write=False)  # whoever writes into one raises
    for _ in range(2):
        new = optimizer.update(params, grads)
        assert isinstance(new, Params) and {a.dtype for a in new} == {np.dtype(dtype)}
        assert_same(optimizer.update(params, Grads(*grads, x=np.ones(7))), new, 0.1)


def adam_as_published(params, gradients, learning_rate, beta_1, beta_2, epsilon_hat):
    """Kingma & Ba 2015, algorithm 1, with ε̂ = ε √(1 − β₂ᵏ) as in the end of section 2."""
    a = np.array(params)
    m, v = np.zeros_like(a), np.zeros_like(a)
    for k, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**k), v / (1 - beta_2**k)
        a = a - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon_hat / np.sqrt(1 - beta_2**k))
    return a


def test_adam_is_its_formula():
    params, gradients = random_params(0), [random_params(seed) for seed in range(1, 8)]
    adam, new = Adam(0.01, 0.8, 0.95, 1e-3), params
    for grads in gradients:
        new = adam.update(new, grads)
    for name in Params._fields:
        expected = adam_as_published(
            getattr(params, name), [getattr(g, name) for g in gradients], 0.01, 0.8, 0.95, 1e-3
        )
        np.testing.assert_allclose(getattr(new, name), expected, rtol=0, atol=1e-14)


def test_adam_is_that_of_keras():
    import keras  # 8 s: not on the way of the tests above

    ours, theirs = Adam(), keras.optimizers.Adam()
    assert ours.learning_rate == pytest.approx(float(theirs.learning_rate), rel=1e-6)
    assert (ours.beta_1, ours.beta_2, ours.epsilon) == (
        theirs.beta_1,
        theirs.beta_2,
        theirs.epsilon,
    )

    # Keras keeps its settings in float32 even when the variables are float64: these lose nothing by
    # it.
    settings = dict(learning_rate=2**-7, beta_1=7 / 8, beta_2=63 / 64, epsilon=2**-20)
    ours, theirs = Adam(**settings), keras.optimizers.Adam(**settings)
    params, gradients = random_params(0), [random_params(seed) for seed in range(1, 8)]
    variables = [keras.Variable(a, dtype="float64") for a in params]
    for grads in gradients:
        params = ours.update(params, grads)
        theirs.apply([keras.ops.convert_to_tensor(g, dtype="float64") for g in grads], variables)
    for a, variable in zip(params, variables, strict=True):
        np.testing.assert_allclose(a, variable.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: SGD(0), ("learning_rate must be a positive number", "0")),
        (lambda: Adam(-0.1), ("learning_rate must be a positive number", "-0.1")),
        (lambda: Adam(np.nan), ("learning_rate must be a positive number", "nan")),
        (lambda: Adam(beta_1=1), ("beta_1 must be a number from 0 to below 1", "1")),
        (lambda: Adam(beta_2=-0.1), ("beta_2 must be a number from 0 to below 1", "-0.1")),
        (lambda: Adam(epsilon=0), ("epsilon must be a positive number", "0")),
    ],
)
def test_optimisers_name_what_is_wrong(make, parts):
    with refused(ValueError, *parts):
        make()


@pytest.mark.parametrize("optimizer", [SGD, Adam])
@pytest.mark.parametrize(
    ("grads", "parts"),
    [
        (random_params()[:1], ("grads must hold one array for each of", "'W', 'b'")),
        (Params(np.ones((3, 2)), np.ones(3)), ("grads.W must", "(2, 3)", "(3, 2)")),
        (random_params(0, np.float32), ("grads.W must", "float64", "float32")),
    ],
)
def test_updates_name_what_is_wrong(optimizer, grads, parts):
    with refused(ValueError, *parts):
        optimizer(0.1).update(random_params(), grads)


@pytest.mark.filterwarnings("error")
def test_an_update_that_would_not_be_finite_is_refused_and_forgotten():
    params = random_params(0, np.float32)
    large = Params(*(np.full_like(a, 1e20) for a in params))
    with refused(FloatingPointError, "params.W would not be finite", "lower the learning rate"):
        SGD(1e30).update(params, large)
    adam, fresh = Adam(0.1), Adam(0.1)
    with refused(FloatingPointError, "params.W would not be finite", "the square of its gradient"):
        adam.update(params, large)  # finite, but not its square in float32
    assert_same(adam.update(params, params), fresh.update(params, params))


def test_one_adam_belongs_to_one_network():
    adam = Adam()
    adam.update(random_params(), random_params())
    other = Params(np.ones((2, 2)), np.ones(2))
    with refused(ValueError, "params must be those of earlier updates", "make a new Adam"):
        adam.update(other, other)


def test_updates_yields_one_record_for_each_batch():
    start, targets = random_params(), [(1.0,), (2.0,), (3.0,)]
    expected = start
    for target, update in zip(
        targets, updates(start, bowl, targets, SGD(0.5), max_norm=1), strict=True
    ):
        loss, grads = bowl(expected, target)
        clipped, norm = clip_by_global_norm(grads, 1)
        expected = SGD(0.5).update(expected, clipped)
        assert (update.loss, update.norm) == (loss, norm) and norm > 1
        assert_same(update.params, expected)


def test_updates_clip_by_the_norm_of_the_params_alone():
    """The gradient by the input, which `rnn_backward` returns too, has no part in it."""
    (update,) = updates(
        random_params(), lambda p, batch: (1.0, Grads(*p, x=np.full(9, 1e9))), [()], SGD(0.1)
    )
    assert update.norm == pytest.approx(global_norm(random_params()), rel=1e-15)


@pytest.mark.parametrize(
    ("loss", "gradient", "says"),
    [(np.nan, 1, "the loss is nan"), (np.inf, 1, "the loss is inf"), (1, np.nan, "is nan")],
)
def test_training_stops_when_a_number_is_no_longer_finite(loss, gradient, says):
    def broken(params, batch):
        return loss, Params(*(a * gradient for a in params))

    for optimizer in (SGD(0.1), Adam()):
        with refused(FloatingPointError, says):
            list(updates(random_params(), broken, [()], optimizer))
        with refused(FloatingPointError, says):
            fit(random_params(), broken, [()], optimizer, epochs=1)


def test_fit_is_epochs_of_updates():
    start, batches = random_params(), [(1.0,), (2.0,)]
    params, history = fit(start, bowl, batches, Adam(0.1), epochs=3, max_norm=0.7)
    expected = list(updates(start, bowl, batches * 3, Adam(0.1), max_norm=0.7))
    assert_same(params, expected[-1].params)
    assert history.loss == [update.loss for update in expected]
    assert history.norm == [update.norm for update in expected]
    assert history.epochs == [{}, {}, {}]
    assert_same(start, random_params())


@pytest.mark.parametrize("nobody_watches", [False, True])
def test_the_progress_bar_counts_updates_and_goes(nobody_watches, monkeypatch):
    bars = []

    class Bar(tqdm.std.tqdm):
        def __init__(self, **settings):
            bars.append(self)
            self.leave_it, self.switched_off = settings["leave"], settings["disable"]
            super().__init__(**settings, file=io.StringIO())

    monkeypatch.setattr(training, "tqdm", Bar)
    monkeypatch.setenv("TQDM_DISABLE", "1" if nobody_watches else "")
    batches, evaluate = [(1.0,), (2.0,)], lambda params: {"loss": 7.0}
    fit(random_params(), bowl, batches, SGD(0.1), epochs=3, evaluate=evaluate)
    (bar,) = bars
    assert (bar.leave_it, bar.switched_off) == (False, nobody_watches)
    if not nobody_watches:
        assert bar.n == bar.total == 6 and bar.unit == "update"
        assert bar.postfix == "epoch=3, loss=7"


def test_evaluate_sees_the_params_after_each_epoch():
    seen = []

    def evaluate(params):
        seen.append(params)
        return {"distance": float(params.b.sum())}

    batches = [(1.0,), (2.0,)]
    params, history = fit(random_params(), bowl, batches, SGD(0.1), epochs=3, evaluate=evaluate)
    expected = list(updates(random_params(), bowl, batches * 3, SGD(0.1)))[1::2]
    for found, update in zip(seen, expected, strict=True):
        assert_same(found, update.params)
    assert [each["distance"] for each in history.epochs] == [float(p.b.sum()) for p in seen]
    assert params is seen[-1]


def test_an_interrupt_passes_through_and_training_can_go_on():
    start, adam, last = random_params(), Adam(0.1), []

    def interrupted(params):
        last.append(params)
        if len(last) == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        fit(start, bowl, [(1.0,)], adam, epochs=5, evaluate=interrupted)
    assert_same(start, random_params())
    params, _ = fit(last[-1], bowl, [(1.0,)], adam, epochs=3)
    assert_same(params, fit(start, bowl, [(1.0,)], Adam(0.1), epochs=5)[0])


@pytest.mark.parametrize(
    ("changes", "error", "parts"),
    [
        (dict(epochs=0), ValueError, ("epochs must be a positive whole number", "0")),
        (dict(epochs=1.5), ValueError, ("epochs must be a positive whole number", "1.5")),
        (dict(batches=[]), ValueError, ("batches must hold at least one batch",)),
        (dict(max_norm=0), ValueError, ("max_norm must be a positive number", "0")),
    ],
)
def test_fit_names_what_is_wrong(changes, error, parts):
    arguments = dict(
        params=random_params(), loss_and_grads=bowl, batches=[(1.0,)], optimizer=SGD(0.1), epochs=2
    )
    with refused(error, *parts):
        fit(**(arguments | changes))
