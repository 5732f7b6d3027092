"""Has the Jupyter server send each answer at once; the Makefile and postBuild put this file where Jupyter looks for it.

By default a small message of a kernel can wait 40 ms until the browser has confirmed the one before it (Nagle's
algorithm, RFC 896, and delayed confirmations, RFC 1122): half the time that an interactive figure takes to answer.
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class Undelayed(ZMQChannelsWebsocketConnection):
    """The connection of a browser to a kernel, without the delay."""

    def connect(self):
        """Connect as always."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


get_config().ServerApp.kernel_websocket_connection_class = Undelayed  # noqa: F821 (Jupyter provides it)
