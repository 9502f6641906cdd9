"""Real servers on the loopback that file feeds are read from: S3 (moto) and SFTP (paramiko)."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import paramiko


class S3Server:
    """An S3 that lives in this process; `url` is its endpoint, `client` fills it."""

    def __enter__(self) -> S3Server:
        import boto3
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        _, port = self._server.get_host_and_port()
        self.url = f"http://127.0.0.1:{port}"
        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name="eu-central-1",
            aws_access_key_id="tester", aws_secret_access_key="very-secret-key",
        )  # fmt: skip
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.stop()


class SftpServer:
    """Serves one folder to user `erp` with password `open-sesame`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = paramiko.RSAKey.generate(2048)

    def __enter__(self) -> SftpServer:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._socket.close()
        for transport in self._transports:
            transport.close()

    def known_hosts(self) -> str:
        """Line of a known_hosts file."""
        return f"[127.0.0.1]:{self.port} {self.key.get_name()} {self.key.get_base64()}\n"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Folder, self.folder)
            self._transports.append(transport)
            transport.start_server(server=_Door())


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        is_known = (username, password) == ("erp", "open-sesame")
        return paramiko.AUTH_SUCCESSFUL if is_known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Handle(paramiko.SFTPHandle):
    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class _Folder(paramiko.SFTPServerInterface):
    def __init__(self, server: paramiko.ServerInterface, folder: Path) -> None:
        super().__init__(server)
        self.folder = folder

    def _real(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def list_folder(self, path: str) -> Any:
        try:
            return [
                paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name) for entry in os.scandir(self._real(path))
            ]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            handle = _Handle(flags)
            handle.readfile = open(self._real(path), "rb")  # noqa: SIM115 - closed by the handle
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)
        return handle
