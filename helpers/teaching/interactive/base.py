"""The base of every interactive figure.

Controls, one figure that lasts, and a fast way from its artists to the screen.

A *part* is a function that computes its numbers with plain, tested functions, draws a figure once,
and returns an `Interactive`. It can be called without arguments and is registered with the
decorator `part`, which also draws it in the course's style; tests and benchmark find it there. An
example, complete:

    @part
    def decay(steps: int = 30) -> Interactive:
        '''One number multiplied by w again and again: w = 1 is the border between dying out and blowing up.'''
        figure = Figure(figsize=(7, 3))
        ax = figure.subplots()
        (line,) = ax.plot(np.ones(steps))
        ax.set(xlabel="step k", ylabel="$w^k$", ylim=(0, 3), title="One weight, many steps")

        def update(w):                                 # one argument for each control, by name
            line.set_ydata(w ** np.arange(steps))      # change artists; never clear an axes, never draw
            return f"With w = {w:.2f}, 1 has become {w ** (steps - 1):.2g} after {steps - 1} steps."

        return Interactive(
            figure,
            {"w": FloatSlider(0.9, min=0.5, max=1.1, step=0.05, description="weight w")},
            update,
            alt="A curve of w to the power k over the steps k.",
        )

What is drawn when. Lines, patches, collections, images and texts in the axes are drawn at each
change: about 0.1 ms a line or patch, 0.2 ms a text (1 to 2 ms when it is a new one), 5 ms an image.
The rest (frames, ticks, labels, titles, legends) and whatever has a negative `zorder` is the
background: drawn once, and again (some 40 ms) only when it has changed. So give axes fixed limits,
and data that never changes a `zorder=-1`.
"""

import asyncio
import struct
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from helpers.teaching.figures import PIXELS_PER_INCH, bundle, styled

import numpy as np
from anywidget import AnyWidget
from ipywidgets import Button, HBox, Layout, Play, ValueWidget, VBox, jsdlink
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform
from traitlets import Bool, Bytes, Float, Int, Unicode

# a figure is drawn with as many pixels as the reader's screen has, up to this many for each CSS
# pixel
SHARPEST = 2.0
PLAY_INTERVAL = 700  # milliseconds
SLICE, PAUSE = (
    0.04,
    0.02,
)  # seconds that work may keep the kernel, and that it then leaves to everything else

PARTS: dict[str, Callable[..., "Interactive"]] = {}


def part(build: Callable[..., "Interactive"]) -> Callable[..., "Interactive"]:
    """Register a function that builds an interactive figure, and have it draw in the course's style."""
    PARTS[build.__name__] = styled(build)
    return PARTS[build.__name__]


class Picture(AnyWidget):
    """The picture in the page, the sentence below it, and an error if there is one.

    It reports clicks on itself.
    """

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
      const picture = make("img", "picture"), sentence = make("p", "sentence"), error = make("pre", "error");
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
        model.send({ x: (event.clientX - box.left) / box.width, y: (box.bottom - event.clientY) / box.height });
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
      font-size: var(--jp-content-font-size1, 14px); color: var(--jp-content-font-color1, inherit); }
    .unrolled-error { margin: 4px; padding: 8px 10px; max-width: 90ch; white-space: pre-wrap; border-radius: 2px;
      border-left: 4px solid #B00020; background: #FDECEA; color: #5F0010; font-size: 13px; }
    """


class TextStore:
    """Draws texts, and keeps their pixels.

    To render letters takes 1 to 2 ms, to put them down again a tenth of that.

    A text stands on a whole pixel, so that it looks the same wherever it is.
    """

    MOST = 1000

    def __init__(self):
        self._kept: dict[
            tuple, tuple[np.ndarray, int, int]
        ] = {}  # pixels, and their lower left corner from the anchor

    def draw(self, text: Text, renderer: RendererAgg) -> None:
        """Draw a text as `text.draw` does.

        The renderer may be another each time, but of the same size.
        """
        if not text.get_visible() or not text.get_text():
            return
        x, y = (round(value) for value in text.get_transform().transform(text.get_position()))
        if (key := self._looks(text)) not in self._kept:
            if len(self._kept) >= self.MOST:
                self._kept.clear()
            self._kept[key] = self._render(text, renderer)
        pixels, right, up = self._kept[key]
        if pixels.size:
            renderer.draw_image(renderer.new_gc(), x + right, y + up, pixels)

    @staticmethod
    def _looks(text):
        aligned = (
            text.get_horizontalalignment(),
            text.get_verticalalignment(),
            text.get_rotation_mode(),
        )
        font = text.get_fontproperties()
        return (
            text.get_text(),
            text.get_color(),
            text.get_alpha(),
            text.get_rotation(),
            *aligned,
            hash(font),
        )

    @staticmethod
    def _render(text, renderer):
        """Draw the text in the middle of an empty picture of its own and cut it out."""
        width, height = (2 * int(size) for size in renderer.get_canvas_width_height())
        empty = RendererAgg(width, height, renderer.dpi)
        place, transform = text.get_position(), text.get_transform()
        try:
            text.set_transform(IdentityTransform())
            text.set_position((width // 2, height // 2))
            text.draw(empty)
        finally:
            text.set_transform(transform)
            text.set_position(place)
        pixels = np.asarray(empty.buffer_rgba())
        rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return pixels[:0], 0, 0
        cut = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return np.flipud(cut).copy(), columns[0] - width // 2, height - 1 - rows[-1] - height // 2


class Interactive(VBox):
    """Controls, a picture that answers to them, and a sentence that reads it.

    figure    drawn once by the caller; from then on only the data of its artists change. controls
    name -> an ipywidgets control with a `description`. What they hold at first is what Reset goes
    back to. update    called with every control's value by name; changes artists and returns the
    sentence that reads the
              picture, which must depend on nothing else (apart from the progress of `work`).
    alt       what is drawn, in a sentence or two; the still's alternative text is this and the
    first sentence. play      the name of an IntSlider that gets a play button. click     called
    with the Axes under a click and the click's data coordinates x, y; returns {name: value} for the
              controls to set, {} for nothing. So a click is a short cut, and the keyboard reaches all that it does.
    work      a generator function for what takes long; called with a dict of the controls' values
    that is kept up to
              date. It runs to its first yield at once, preparing the beginning, and on while *Start* is on: each yield
              should come within some 20 ms. Nothing runs before Start is pressed, and only one figure works at a time.

    An exception in a callback is shown below the picture together with the controls' values, and
    the last good picture stays. While one change is being drawn, ipywidgets keeps only the newest
    value of each control.
    """

    _working: "Interactive | None" = None  # the one whose work is running
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
        work: Callable[[Mapping], Iterator] | None = None,
    ):
        self.figure, self.controls = figure, dict(controls)
        self._update, self._alt, self._click, self._work = update, alt, click, work
        self._start_values = {name: control.value for name, control in self.controls.items()}
        self.values = dict(self._start_values)
        self._background, self._texts = None, TextStore()
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
                jsdlink(
                    (self._player, "value"), (control, "value")
                )  # the other way only when needed: it costs time
                self._player.observe(
                    lambda _, control=control: self._player.set_trait("value", control.value),
                    "playing",
                )
                row.append(self._player)
        self._button = _button(
            "Start", "play", lambda: self.stop() if Interactive._working is self else self.start()
        )
        row += [self._button] * (work is not None) + [_button("Reset", "undo", self.reset)]

        for axes in (
            figure.axes
        ):  # frames, labels and legends stay below the data; the still shows the same
            for artist in set(axes.get_children()) - _data_of(axes) - {axes.patch}:
                artist.set_zorder(artist.zorder / 100 - 0.5)
        self._prepare_work()
        self._draw()
        figure.set_layout_engine(
            "none"
        )  # the layout of the first drawing stays, and costs nothing from now on
        super().__init__(
            [HBox(row, layout=Layout(flex_flow="row wrap", align_items="center")), self.picture]
        )

    def set(self, **values) -> None:
        """Set controls by name, as the reader would, and draw once."""
        self._assign(values)
        self._redraw()

    def click(self, x: float, y: float) -> None:
        """Act as on a click on the picture at the fractions x of its width and y of its height, from the lower left."""
        at = self.figure.bbox.width * x, self.figure.bbox.height * y
        for axes in self.figure.axes:
            if axes.bbox.contains(*at):
                with self._reporting():
                    self.set(**self._click(axes, *axes.transData.inverted().transform(at)))

    def start(self) -> None:
        """Begin the work, or go on with it, in slices that leave the kernel free for everything else in between."""
        if Interactive._working:
            Interactive._working.stop()
        Interactive._working = self
        self._button.description, self._button.icon = "Stop", "pause"
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Halt the work where it is; `start` goes on from there."""
        if Interactive._working is self:
            Interactive._working = None
            self._button.description, self._button.icon = "Go on", "play"
            self._task.cancel()

    def reset(self) -> None:
        """Go back to how everything was at first."""
        self.stop()
        self._button.description, self._button.disabled = "Start", False
        if self._player:
            self._player.playing = False
        self._assign(self._start_values)
        with self._reporting():
            self._prepare_work()
        self._redraw()

    def _prepare_work(self):
        if self._work:
            self._slices = self._work(self.values)
            next(self._slices)

    async def _run(self):
        with self._reporting():
            while not self._button.disabled:
                end = time.perf_counter() + SLICE
                self._button.disabled = all(
                    time.perf_counter() < end for _ in self._slices
                )  # True: nothing is left
                self._draw()
                await asyncio.sleep(PAUSE)
        self.stop()

    def _assign(self, values):
        self._assigning = (
            True  # _on_change is called for each control, and this draws once for all of them
        )
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
        self._background, self._texts = None, TextStore()
        self._redraw()

    def _redraw(self):
        with self._reporting():
            self._draw()

    @contextmanager
    def _reporting(self):
        """Show an exception where the reader looks.

        Below the picture, with the values that led to it.
        """
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
        """Draw the artists that may have changed on top of a stored background.

        The same pixels as a full drawing.
        """
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
            if isinstance(artist, Text):
                self._texts.draw(artist, renderer)
            else:
                artist.draw(renderer)
        return np.asarray(canvas.buffer_rgba())

    def _repr_mimebundle_(self, **kwargs):
        """Give the live view and, for everything that cannot show it, the picture and its text."""
        data, metadata = bundle(self.figure, self.picture.alt)
        return super()._repr_mimebundle_(**kwargs) | data, metadata


def _button(description, icon, action):
    button = Button(description=description, icon=icon, layout=Layout(width="auto"))
    button.on_click(lambda _: action())
    return button


def _data_of(axes):
    return {*axes.lines, *axes.patches, *axes.collections, *axes.images, *axes.texts}


def _layers(figure):
    """Sort a figure's artists into those of the background and, in the order of drawing, those in front of it."""
    background, foreground = [*figure.texts, *figure.legends], []
    for axes in figure.axes:
        data = _data_of(axes)
        for artist in sorted(axes.get_children(), key=lambda artist: artist.zorder):
            (foreground if artist in data and artist.zorder >= 0 else background).append(artist)
    return background, foreground


def encode_png(rgba: np.ndarray) -> bytes:
    """Encode pixels (height, width, 4) of uint8 as a PNG, in a fraction of the time of the usual libraries.

    Each row is stored as its difference to the row above (PNG's filter 2), which leaves mostly
    zeros in a drawing, and zlib's fastest level is then enough. Measured at 1080 × 520: 5 ms,
    Pillow 14 ms, for nearly as small a file.
    """
    height, width, _ = rgba.shape
    pixels = rgba.reshape(height, width * 4)
    rows = np.empty((height, 1 + width * 4), np.uint8)
    rows[:, 0] = 2
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    header = struct.pack(
        ">IIBBBBB", width, height, 8, 6, 0, 0, 0
    )  # 8 bits each for red, green, blue, alpha

    def chunk(name, content):
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
