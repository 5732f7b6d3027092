"""An extension of the Jupyter server: it saves the normal form, and sends answers at once.

A wheel of the course brings tools/jupyter, in which the extension is switched on, into the
environment's etc/jupyter.
"""

from tools.notebooks import KERNELSPEC, normalise

import nbformat
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Undelayed(ZMQChannelsWebsocketConnection):
    """The connection of a browser to a kernel, without a delay.

    By default a small message of a kernel can wait 40 ms until the browser has confirmed the one
    before it (Nagle's algorithm, RFC 896, and delayed confirmations, RFC 1122): half the time that
    an interactive figure takes to answer.
    """

    def connect(self):
        """Connect as always."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def save_in_normal_form(model: dict, **_) -> None:
    """Drop from a notebook, before it is saved, what the next session or reader cannot use.

    JupyterLab writes the version of Python into every notebook that it opens, and figures that need
    a kernel which is gone; these would take the place of the stills. A notebook for another kernel,
    or one that keeps the state of its widgets, is saved as it is.
    """
    if model["type"] != "notebook":
        return
    notebook = nbformat.from_dict(model["content"])
    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    if (
        notebook.nbformat == 4
        and kernel == KERNELSPEC["name"]
        and "widgets" not in notebook.metadata
    ):
        model["content"] = normalise(notebook)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tools.server"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    server.web_app.settings["kernel_websocket_connection_class"] = Undelayed
    server.contents_manager.register_pre_save_hook(save_in_normal_form)
