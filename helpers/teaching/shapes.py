"""What a recurrent layer of Keras returns, worked out without running one; the tests compare it with Keras."""


def returned_shapes(
    B: int,
    T: int,
    H: int,
    *,
    return_sequences: bool = False,
    return_state: bool = False,
    bidirectional: bool = False,
    merge_mode: str | None = "concat",
) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of all tensors that `SimpleRNN(H)` returns for x (B, T, D), in their order.

    With `bidirectional`, those of `Bidirectional(SimpleRNN(H))`. Other options change no shape.
    """
    output = (B, T, H) if return_sequences else (B, H)
    outputs = (output,)
    if bidirectional and merge_mode is None:
        outputs = (output, output)
    elif bidirectional and merge_mode == "concat":
        outputs = ((*output[:-1], 2 * H),)
    states = ((B, H), (B, H)) if bidirectional else ((B, H),)
    return (*outputs, *states) if return_state else outputs
