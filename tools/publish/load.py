"""Measure a class on one machine.

``python tools/publish/load.py 1 5 10 20`` prints a table of memory and time.

Each student gets a Jupyter Server of their own on this machine, as JupyterHub would start it, opens
a chapter, and runs it from the first cell to the last, all students at once. A student's memory is
the most that server and kernel ever held, each by itself (VmHWM of Linux). For all together, what
they share is counted once: the proportional set size (PSS), looked at twice a second.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from tools.notebooks import MAY_RAISE, NOTEBOOKS, read

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

CHAPTER = NOTEBOOKS / "02_forward_recurrence.ipynb"
MOST_STUDENTS = 50
TIME_LIMIT = 1800  # seconds for one class
PATIENT = {
    "connect_timeout": TIME_LIMIT,
    "request_timeout": TIME_LIMIT,
}  # a server of many is slow to answer
SAMPLING = 0.5  # seconds between two looks at the memory
MB = 2**20


class Class(NamedTuple):
    """What was measured with `students` at once; memory in bytes, time in seconds."""

    students: int
    mean: float  # peak memory of a student
    largest: int
    machine: int  # peak memory of all students together
    fastest: float  # from starting the server to the answer of the last cell
    slowest: float


class Student:
    """One student's server and kernel, and the most memory that they held."""

    def __init__(self, folder: Path, chapter: Path):
        folder.mkdir()
        shutil.copy(chapter, folder)
        self.chapter, self.token, self.runtime = (
            folder / chapter.name,
            secrets.token_hex(),
            folder / "runtime",
        )
        self.peak, self.seconds = 0, float("nan")
        # One thread for NumPy, as with a hub's limit of one core; or the students would wait for
        # each other.
        environment = {
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [
            sys.executable,
            "-m",
            "jupyter",
            "lab",
            "--no-browser",
            "--ip=127.0.0.1",
            "--port=0",
            "--allow-root",
        ]
        with (folder / "server.log").open("w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [*command, f"--ServerApp.root_dir={folder}"],
                env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    async def address(self) -> str:
        """Wait until the server answers, and return its address."""
        while True:
            if self.server.poll() is not None:
                raise RuntimeError((self.chapter.parent / "server.log").read_text(encoding="utf-8"))
            await asyncio.sleep(0.1)
            for said in self.runtime.glob("jpserver-*.json"):
                try:
                    address = json.loads(said.read_text(encoding="utf-8"))["url"]
                    await AsyncHTTPClient().fetch(f"{address}api")
                    return address
                except (json.JSONDecodeError, ConnectionRefusedError):
                    pass  # half written, or not listening yet

    async def work(self) -> None:
        """Open the chapter and run it from the first cell to the last."""
        begin = time.perf_counter()
        address, headers = await self.address(), {"Authorization": f"token {self.token}"}
        ask = {
            "path": self.chapter.name,
            "name": "",
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        request = HTTPRequest(f"{address}api/sessions", "POST", headers, json.dumps(ask), **PATIENT)
        kernel = json.loads((await AsyncHTTPClient().fetch(request)).body)["kernel"]["id"]
        channels = f"{address.replace('http', 'ws', 1)}api/kernels/{kernel}/channels"
        socket = await websocket_connect(
            HTTPRequest(channels, headers=headers, **PATIENT), max_message_size=256 * MB
        )
        for cell in read(self.chapter).cells:
            if cell.cell_type == "code":
                reply = await execute(socket, cell.source)
                if reply["status"] != "ok" and MAY_RAISE not in cell.metadata.get("tags", []):
                    raise RuntimeError(f"cell {cell.id}: {reply['ename']}: {reply['evalue']}")
        self.seconds = time.perf_counter() - begin
        for process in self.processes():
            (highest,) = re.findall(
                r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text()
            )
            self.peak += 1024 * int(highest)

    def processes(self) -> list[psutil.Process]:
        """Return the server and its kernel, those that run."""
        try:
            return [(server := psutil.Process(self.server.pid)), *server.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def shared_memory(self) -> int:
        """Return what the server and its kernel hold now, their part of what they share with others included."""
        held = 0
        for process in self.processes():
            try:
                held += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                pass  # it has ended since
        return held

    def leave(self) -> None:
        """End the server and its kernel."""
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass  # with its parent
        self.server.wait()


async def execute(socket, code: str) -> dict:
    """Send one cell over a kernel's WebSocket and return the kernel's reply to it."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": "",
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "allow_stdin": False,
        "stop_on_error": False,
    }
    message = {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
    }
    await socket.write_message(json.dumps(message))
    while (text := await socket.read_message()) is not None:
        answer = json.loads(text) if isinstance(text, str) else {}
        about_this = answer.get("parent_header", {}).get("msg_id") == header["msg_id"]
        if about_this and answer.get("msg_type") == "execute_reply":
            return answer["content"]
    raise RuntimeError("the server closed the connection")


async def lesson(students: int, chapter: Path = CHAPTER) -> Class:
    """Let `students` run a chapter at once, and measure them."""
    with tempfile.TemporaryDirectory() as folder:
        everybody = []
        try:
            for number in range(students):
                everybody.append(Student(Path(folder) / f"student-{number}", chapter))
            done = asyncio.gather(*(student.work() for student in everybody))
            machine, end = 0, time.monotonic() + TIME_LIMIT
            while not done.done():
                machine = max(machine, sum(student.shared_memory() for student in everybody))
                if time.monotonic() > end:
                    raise TimeoutError(
                        f"{students} students were not done after {TIME_LIMIT} seconds"
                    )
                await asyncio.sleep(SAMPLING)
            await done
        finally:
            for student in everybody:
                student.leave()
    peaks, seconds = (
        [student.peak for student in everybody],
        [student.seconds for student in everybody],
    )
    return Class(students, sum(peaks) / students, max(peaks), machine, min(seconds), max(seconds))


def main() -> None:
    """Measure the classes named on the command line, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "students", nargs="+", type=int, choices=range(1, MOST_STUDENTS + 1), metavar="STUDENTS"
    )
    print(
        "| students at once | MB per student: mean | largest | MB together | seconds: fastest |"
        " slowest |"
    )
    print("|---|---|---|---|---|---|")
    AsyncHTTPClient.configure(None, max_clients=MOST_STUDENTS)
    for students in parser.parse_args().students:
        of = asyncio.run(lesson(students))
        sizes = f"{of.mean / MB:.0f} | {of.largest / MB:.0f} | {of.machine / MB:.0f}"
        print(f"| {students} | {sizes} | {of.fastest:.0f} | {of.slowest:.0f} |", flush=True)
    print(
        f"\n{CHAPTER.stem}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB"
    )


if __name__ == "__main__":
    main()
