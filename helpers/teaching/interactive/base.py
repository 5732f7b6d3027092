"""The base of every interactive figure: controls, one figure that lasts, a fast way to the screen.

A *part* is a function that computes its numbers with plain, tested functions, draws a figure once,
and returns an `Interactive`. It can be called without arguments and is registered with the
decorator `part`, which also draws it in the course's style; tests and benchmark find it there. An
example, complete:

    @part
    def decay(steps: int = 30) -> Interactive:
        '''Multiply one number by w again and again: below w = 1 it dies out, above it blows up.'''
        figure = Figure(figsize=(7, 3))
        ax = figure.subplots()
        (line,) = ax.plot(np.ones(steps))
        ax.set(xlabel="step k", ylabel="$w^k$", ylim=(0, 3), title="One weight, many steps")

        def update(w):                                 # one argument for each control, by name
            line.set_ydata(w ** np.arange(steps))      # change artists; never clear or draw
            return f"With w = {w:.2f}, 1 has become {w ** (steps - 1):.2g} after {steps - 1} steps."

        return Interactive(
            figure,
            {"w": FloatSlider(0.9, min=0.5, max=1.1, step=0.05, description="weight w")},
            update,
            alt="A curve of w to the power k over the steps k.",
        )

What is drawn when. Lines, patches, collections, images and texts in the axes are drawn at each
change: about 0.1 ms a line or patch, 1 to 2 ms a text, 5 ms an image.
The rest (frames, ticks, labels, titles, legends) and whatever has a negative `zorder` is the
background: drawn once, and again (some 40 ms) only when it has changed. So give axes fixed limits,
and data that never changes a `zorder=-1`.
"""

import struct
import traceback
import zlib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path

from helpers.teaching.figures import PIXELS_PER_INCH, bundle, styled

import numpy as np
from anywidget import AnyWidget
from ipywidgets import Button, HBox, Layout, Play, ValueWidget, VBox, jsdlink
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from traitlets import Bool, Bytes, Float, Int, Unicode

SHARPEST = 2.0  # a figure has the pixels of the reader's screen, up to this many for a CSS pixel
PLAY_INTERVAL = 700  # milliseconds

PARTS: dict[str, Callable[..., "Interactive"]] = {}


def part(build: Callable[..., "Interactive"]) -> Callable[..., "Interactive"]:
    """Register a function that builds an interactive figure, and draw it in the course's style."""
    PARTS[build.__name__] = styled(build)
    return PARTS[build.__name__]


class Picture(AnyWidget):
    """The picture in the page, the sentence below it, and an error; it reports clicks on itself."""

    png = Bytes().tag(sync=True)
    alt = Unicode().tag(sync=True)
    sentence = Unicode().tag(sync=True)
    error = Unicode().tag(sync=True)
    width = Int().tag(sync=True)  # pixels on the screen
    clickable = Bool().tag(sync=True)
    pixel_ratio = Float(1.0).tag(sync=True)  # of the screen, which the page reports

    _esm = """
    function render({ model, el }) {
      const make = (tag, role) => {
        const made = el.appendChild(document.createElement(tag));
        made.className = `unrolled-${role}`;
        return made;
      };
      const picture = make("img", "picture"), sentence = make("p", "sentence");
      const error = make("pre", "error");
      sentence.setAttribute("aria-live", "polite");
      error.setAttribute("role", "alert");
      const showPicture = () => {
        const last = picture.src;
        picture.src = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
        if (last) URL.revokeObjectURL(last);
      };
      const showRest = () => {
        picture.alt = model.get("alt");
        picture.style.width = `${model.get("width")}px`;
        picture.style.cursor = model.get("clickable") ? "pointer" : "";
        sentence.textContent = model.get("sentence");
        error.textContent = model.get("error");
        error.hidden = !model.get("error");
      };
      model.on("change:png", showPicture);
      model.on("change", showRest);
      picture.addEventListener("click", (event) => {
        if (!model.get("clickable")) return;
        const box = picture.getBoundingClientRect();
        const x = event.clientX - box.left, y = box.bottom - event.clientY;
        model.send({ x: x / box.width, y: y / box.height });
      });
      showPicture();
      showRest();
      model.set("pixel_ratio", window.devicePixelRatio);
      model.save_changes();
      return () => URL.revokeObjectURL(picture.src);
    }
    export default { render };
    """
    _css = """
    .unrolled-picture { display: block; max-width: 100%; height: auto; border-radius: 4px; }
    .unrolled-sentence { margin: 8px 4px 4px; max-width: 90ch; line-height: 1.45;
      font-size: var(--jp-content-font-size1, 14px);
      color: var(--jp-content-font-color1, inherit); }
    .unrolled-error { margin: 4px; padding: 8px 10px; max-width: 90ch; white-space: pre-wrap;
      border-radius: 2px; border-left: 4px solid #B00020; background: #FDECEA; color: #5F0010;
      font-size: 13px; }
    """


class Interactive(VBox):
    """Controls, a picture that answers to them, and a sentence that reads it.

    figure      drawn once by the caller; from then on only the data of its artists change.
    controls    name -> an ipywidgets control with a `description`. What they hold at first is what
                Reset goes back to.
    update      called with every control's value by name; changes artists and returns the sentence
                that reads the picture. It depends on nothing else.
    alt         what is drawn, in a sentence or two; the still's alternative text is this and the
                first sentence.
    play        the name of an IntSlider that gets a play button.
    click       called with the Axes under a click and the click's data coordinates x, y; returns
                {name: value} for the controls to set, {} for nothing. So a click is a short cut,
                and the keyboard reaches all that it does.

    An exception in a callback is shown below the picture together with the controls' values, and
    the last good picture stays. While one change is being drawn, ipywidgets keeps only the newest
    value of each control.
    """

    _player: Play | None = None
    _assigning = False

    def __init__(
        self,
        figure: Figure,
        controls: Mapping[str, ValueWidget],
        update: Callable[..., str],
        *,
        alt: str,
        play: str | None = None,
        click: Callable[[Axes, float, float], Mapping] | None = None,
    ):
        self.figure, self.controls = figure, dict(controls)
        self._update, self._alt, self._click = update, alt, click
        self._start_values = {name: control.value for name, control in self.controls.items()}
        self.values = dict(self._start_values)
        self._background = None
        figure.set_dpi(PIXELS_PER_INCH)
        FigureCanvasAgg(figure)

        self.picture = Picture(
            width=round(figure.get_figwidth() * PIXELS_PER_INCH), clickable=click is not None
        )
        self.picture.observe(self._on_pixel_ratio, "pixel_ratio")
        self.picture.on_msg(lambda _, message, buffers: self.click(message["x"], message["y"]))
        row = []
        for name, control in self.controls.items():
            control.style.description_width = "initial"
            control.observe(self._on_change, "value")
            row.append(control)
            if name == play:
                limits = {
                    limit: getattr(control, limit) for limit in ("min", "max", "step", "value")
                }
                self._player = Play(**limits, interval=PLAY_INTERVAL, show_repeat=False)
                # The other way only when needed: it costs time.
                jsdlink((self._player, "value"), (control, "value"))
                self._player.observe(
                    lambda _, control=control: self._player.set_trait("value", control.value),
                    "playing",
                )
                row.append(self._player)
        reset = Button(description="Reset", icon="undo", layout=Layout(width="auto"))
        reset.on_click(lambda _: self.reset())
        row.append(reset)

        # Frames, labels and legends stay below the data; the still shows the same.
        for axes in figure.axes:
            for artist in set(axes.get_children()) - _data_of(axes) - {axes.patch}:
                artist.set_zorder(artist.zorder / 100 - 0.5)
        self._draw()
        figure.set_layout_engine("none")  # the first layout stays, and costs nothing from now on
        super().__init__(
            [HBox(row, layout=Layout(flex_flow="row wrap", align_items="center")), self.picture]
        )

    def set(self, **values) -> None:
        """Set controls by name, as the reader would, and draw once."""
        self._assign(values)
        self._redraw()

    def click(self, x: float, y: float) -> None:
        """Act as on a click at the fractions x of the picture's width and y of its height.

        Both count from the lower left corner.
        """
        at = self.figure.bbox.width * x, self.figure.bbox.height * y
        for axes in self.figure.axes:
            if axes.bbox.contains(*at):
                with self._reporting():
                    self.set(**self._click(axes, *axes.transData.inverted().transform(at)))

    def reset(self) -> None:
        """Go back to how everything was at first."""
        if self._player:
            self._player.playing = False
        self._assign(self._start_values)
        self._redraw()

    def _assign(self, values):
        self._assigning = True  # so that all of them together are drawn once
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._assigning = False

    def _on_change(self, change):
        self.values.update({name: control.value for name, control in self.controls.items()})
        if not self._assigning:
            self._redraw()

    def _on_pixel_ratio(self, change):
        self.figure.set_dpi(PIXELS_PER_INCH * min(max(change.new, 1.0), SHARPEST))
        self._background = None
        self._redraw()

    def _redraw(self):
        with self._reporting():
            self._draw()

    @contextmanager
    def _reporting(self):
        """Show an exception below the picture, with the values that led to it."""
        try:
            yield
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            message = traceback.format_exception_only(error)[-1].strip()
            values = ", ".join(f"{name} = {value!r}" for name, value in self.values.items())
            self.picture.error = (
                f"{message}\nwith {values}, in {Path(place.filename).name}, line {place.lineno}"
            )

    @styled
    def _draw(self):
        sentence = self._update(**self.values)
        if not isinstance(sentence, str) or not sentence.strip():
            raise TypeError(
                f"update must return a sentence that reads the picture, got {sentence!r}"
            )
        png = encode_png(self._pixels())
        with self.picture.hold_sync():  # one message for everything
            self.picture.png, self.picture.sentence, self.picture.error = png, sentence, ""
            self.picture.alt = f"{self._alt} {sentence}"

    def _pixels(self) -> np.ndarray:
        """Draw what may have changed on a stored background: the pixels of a full drawing."""
        canvas = self.figure.canvas
        background, foreground = _layers(self.figure)
        if self._background is None or any(artist.stale for artist in background):
            for artist in foreground:
                artist.set_animated(True)  # matplotlib leaves these out
            canvas.draw()
            for artist in foreground:
                artist.set_animated(False)
            for artist in background:
                artist.stale = False  # also what is not visible, which drawing leaves as it is
            self._background = canvas.copy_from_bbox(self.figure.bbox)
        renderer = canvas.get_renderer()  # another one after the figure was saved for a still
        canvas.restore_region(self._background)
        for artist in foreground:
            artist.draw(renderer)
        return np.asarray(canvas.buffer_rgba())

    def _repr_mimebundle_(self, **kwargs):
        """Give the live view and, for everything that cannot show it, the picture and its text."""
        data, metadata = bundle(self.figure, self.picture.alt)
        return super()._repr_mimebundle_(**kwargs) | data, metadata


def _data_of(axes):
    return {*axes.lines, *axes.patches, *axes.collections, *axes.images, *axes.texts}


def _layers(figure):
    """Sort a figure's artists, in the order of drawing, into background and foreground."""
    background, foreground = [*figure.texts, *figure.legends], []
    for axes in figure.axes:
        data = _data_of(axes)
        for artist in sorted(axes.get_children(), key=lambda artist: artist.zorder):
            (foreground if artist in data and artist.zorder >= 0 else background).append(artist)
    return background, foreground


def encode_png(rgba: np.ndarray) -> bytes:
    """Encode pixels (height, width, 4) of uint8 as a PNG, in a fraction of Pillow's time.

    Each row is stored as its difference to the row above (PNG's filter 2), which leaves mostly
    zeros in a drawing, and zlib's fastest level is then enough. Measured at 960 × 374: 5 ms,
    Pillow at its fastest level 17 ms, for as small a file.
    """
    height, width, _ = rgba.shape
    pixels = rgba.reshape(height, width * 4)
    rows = np.empty((height, 1 + width * 4), np.uint8)
    rows[:, 0] = 2
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    # 8 bits each for red, green, blue and alpha
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)

    def chunk(name, content):
        length, checksum = len(content), zlib.crc32(name + content)
        return struct.pack(">I", length) + name + content + struct.pack(">I", checksum)

    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
