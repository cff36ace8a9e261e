"""Options of the server's own sockets."""

from __future__ import annotations

import socket

from engine.api.sockets import OPEN_FILES, send_at_once


def delay_is_off(one: socket.socket) -> bool:
    return bool(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_connections_of_a_bound_socket_send_at_once():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        assert not delay_is_off(server)
        before = len(list(OPEN_FILES.iterdir()))
        send_at_once()
        assert len(list(OPEN_FILES.iterdir())) == before
        server.listen()
        client.connect(server.getsockname())
        connection, _address = server.accept()
        with connection:
            assert delay_is_off(connection)
