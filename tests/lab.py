"""A real JupyterLab in a headless Chromium, shared by the browser tests and the benchmark."""

import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.notebooks import KERNELSPEC, THREADS

from nbformat import v4
from playwright.sync_api import Locator, Page, sync_playwright

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
    " --disable-sync --no-first-run"
).split()
# JupyterLab's own settings: no news, whose pop-up would cover buttons; and every cell in the page,
# also out of sight.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@contextmanager
def running(folder: Path):
    """Serve `folder` with a JupyterLab of its own settings and state; yields (address, token)."""
    state = folder / ".lab"
    for name, settings in SETTINGS.items():
        file = state / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    own = {
        "JUPYTERLAB_SETTINGS_DIR": state / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": state / "workspaces",
        "JUPYTER_CONFIG_DIR": state / "config",
        "JUPYTER_DATA_DIR": state / "data",
        "JUPYTER_RUNTIME_DIR": state / "runtime",
        "IPYTHONDIR": state / "ipython",
        **dict.fromkeys(THREADS, 1),
    }
    log = state / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
                f"--ServerApp.root_dir={folder}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {name: str(value) for name, value in own.items()},
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/api?token={token}").read()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
        else:
            raise TimeoutError(log.read_text())
        yield address, token
    finally:
        server.terminate()  # it ends its kernels first
        server.wait(20)


@contextmanager
def browser():
    """Start the Chromium that CHROMIUM names, one on the PATH, or an installed Chrome."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with sync_playwright() as playwright:
        chosen = {"executable_path": found} if found else {"channel": "chrome"}
        chromium = playwright.chromium.launch(**chosen, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook of code cells that have not been run."""
    notebook = v4.new_notebook(
        cells=[v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": KERNELSPEC}
    )
    path.write_text(v4.writes(notebook), encoding="utf-8")


def open_and_run(page: Page, address: str, token: str, name: str) -> None:
    """Open a notebook, run all its cells, and wait until the last has finished without an error."""
    page.goto(f"{address}/lab/tree/{name}?token={token}&reset")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.get_by_text("| Idle").wait_for()  # the kernel is there, else Run All would ask for one
    page.keyboard.press("ControlOrMeta+b")  # the file browser takes up room
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    for _ in range(20):  # the first Run All after opening can be dropped
        page.get_by_text("Run", exact=True).first.click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_timeout(500)
        if any("[ ]" not in text for text in prompts.all_inner_texts()):
            break
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
        ".every(p => /\\[\\d+\\]/.test(p.innerText))"
    )


def cell_of(page: Page, number: int) -> Locator:
    """Return the code cell of this number, from 0, brought into sight."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    cell.scroll_into_view_if_needed()
    return cell


def keys_for(cell: Locator) -> Iterator[str]:
    """Put the focus on a control in the cell and yield a key that will change it, again and again.

    The first slider goes to and fro between its ends; without one, a text is typed and deleted, or
    boxes are checked.
    """
    sliders, texts, boxes = (
        cell.locator(f) for f in (".noUi-handle", "input[type=text]", "input[type=checkbox]")
    )
    key = "ArrowLeft"
    for turn in itertools.count():
        if sliders.count():
            slider = sliders.first
            slider.focus()
            now, least, most = (
                float(slider.get_attribute(f"aria-value{name}")) for name in ("now", "min", "max")
            )
            key = "ArrowRight" if now <= least else "ArrowLeft" if now >= most else key
            yield key
        elif texts.count():
            texts.first.focus()
            yield "abcdefgh"[turn % 16] if turn % 16 < 8 else "Backspace"
        else:
            boxes.nth(turn % boxes.count()).focus()
            yield "Space"


# Resolves when a picture in the cell, or the sentence below it, has changed and is there to be
# seen.
NEXT_CHANGE = """(cell) => {
  let pressed = performance.now();
  const start = () => { pressed = performance.now(); };
  cell.addEventListener("keydown", start, { once: true, capture: true });
  window.nextChange = new Promise((resolve, reject) => {
    const shows = (node) => node.nodeName === "IMG" || node.querySelector?.("img");
    const read = (node) =>
      (node.closest ? node : node.parentElement)?.closest(".unrolled-sentence");
    const observer = new MutationObserver(async (mutations) => {
      const changed = mutations.some((m) =>
        m.target.nodeName === "IMG" || [...m.addedNodes].some(shows) || read(m.target));
      if (!changed) return;
      observer.disconnect();
      const images = [...cell.querySelectorAll("img")];
      await Promise.all(images.map((image) => image.decode().catch(() => {})));
      resolve(performance.now() - pressed);
    });
    const attributes = { attributeFilter: ["src"] };
    observer.observe(cell, { subtree: true, childList: true, characterData: true, ...attributes });
    setTimeout(() => reject(new Error("nothing changed within ten seconds")), 10000);
  });
}"""


def press(page: Page, cell: Locator, key: str) -> float:
    """Press a key and return after how many milliseconds the figure in the cell has changed."""
    cell.evaluate(NEXT_CHANGE)
    page.keyboard.press(key)
    return page.evaluate("window.nextChange")
