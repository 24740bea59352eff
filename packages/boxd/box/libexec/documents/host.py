"""
Converts documents: reads jobs as lines of JSON from standard input, and writes an answer a line to standard output.

In:  {"op": "convert", "id", "memoryBytes", "cpuSeconds", "job": {...}} (see conversion.py) | {"op": "cancel", "id"}
Out: {"type": "ready"} | {"type": "done", "id", "outputs", "pages"} | {"type": "failed", "id", "code", "message"}

Each job runs in a process forked from this one, in which the office's code is loaded already: what one document does
to its process touches no other. This process never runs any of the office's code.
"""

import glob
import json
import os
import re
import secrets
import selectors
import shutil
import signal
import sys
import tempfile
import traceback

import confine
import office
from conversion import convert
from failure import Failure

_MAX_ANSWER_BYTES = 1024 * 1024
_FOLDER_PREFIX = "banata-documents-"


def run_confined(job, folder, memory_bytes, cpu_seconds):
    """The answer to a job, done in this process, which is good for nothing else then."""
    try:
        confine.limit(memory_bytes, cpu_seconds)
        confine.without_network()
        return {"type": "done", **convert(job, folder)}
    except Failure as failure:
        return {"type": "failed", "code": failure.code, "message": failure.message}
    except MemoryError:
        return {"type": "failed", "code": "CONVERSION_FAILED", "message": too_large(memory_bytes)}
    except BaseException:
        last = traceback.format_exc().strip().splitlines()[-1]
        return {"type": "failed", "code": "CONVERSION_FAILED", "message": f"The conversion failed: {last[:300]}"}


def too_large(memory_bytes):
    return f"The conversion may need more than its {memory_bytes // 1024**2} MiB of memory; convert it in parts."


def make_folder():
    """A new folder for jobs; what processes before this one left is removed."""
    for left in glob.glob(os.path.join(tempfile.gettempdir(), f"{_FOLDER_PREFIX}*")):
        owner = re.search(r"-(\d+)-[^-/]*$", left)
        if owner and not os.path.exists(f"/proc/{owner[1]}"):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-")


class Running:
    """A job in its process."""

    def __init__(self, request, pid, answers, folder):
        self.id, self.job, self.memory_bytes = request["id"], request["job"], request["memoryBytes"]
        self.pid, self.answers, self.folder = pid, answers, folder
        self.received = b""
        self.cancelled = False

    def end(self):
        """Ends the process with what it started, removes what it left, and answers what came of it."""
        self.kill()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.answers)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._remove_parts()
        try:
            return json.loads(self.received)
        except ValueError:
            return {"type": "failed", **self._crash(status)}

    def kill(self):
        for kill in (os.killpg, os.kill):
            try:
                kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def _remove_parts(self):
        output = self.job.get("output") or self.job["source"]
        try:
            os.unlink(os.path.join(os.path.dirname(output), f".{self.job['token']}.part"))
        except OSError:
            pass

    def _crash(self, status):
        if self.cancelled:
            return {"code": "CONVERSION_CANCELLED", "message": "The conversion was broken off."}
        name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"code {status >> 8}"
        return {
            "code": "CONVERSION_CRASHED",
            "message": f"The document made the converter end with {name}. {too_large(self.memory_bytes)}",
        }


class Host:
    def __init__(self):
        self._folder = make_folder()
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._commands)
        self._running = {}
        self._line = b""
        self._open = True

    def serve(self):
        self._send({"type": "ready"})
        try:
            while self._open:
                for key, _ in self._selector.select():
                    key.data()
        finally:
            for running in self._running.values():
                running.kill()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _commands(self):
        data = os.read(sys.stdin.fileno(), 65536)
        self._open = data != b""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["op"] == "convert":
                self._start(request)
            elif request["id"] in self._running:
                running = self._running[request["id"]]
                running.cancelled = True
                running.kill()

    def _start(self, request):
        try:
            running = start(request, self._folder)
        except OSError:
            message = "The sandbox has no processes, memory or disk left; end some programs and try again."
            self._send({"type": "failed", "id": request["id"], "code": "BOX_EXHAUSTED", "message": message})
            return
        self._running[running.id] = running
        self._selector.register(running.answers, selectors.EVENT_READ, lambda: self._answered(running))

    def _answered(self, running):
        data = os.read(running.answers, 65536)
        running.received += data
        if data != b"" and len(running.received) <= _MAX_ANSWER_BYTES:
            return
        self._selector.unregister(running.answers)
        del self._running[running.id]
        self._send({**running.end(), "id": running.id})

    def _send(self, message):
        sys.stdout.write(f"{json.dumps(message)}\n")
        sys.stdout.flush()


def start(request, parent_folder):
    """Starts a job in a process of its own. Raises OSError when there can be none."""
    request["job"]["token"] = f"banata-{secrets.token_hex(8)}"
    folder = tempfile.mkdtemp(dir=parent_folder)
    answers, to_answer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(answers)
        os.close(to_answer)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if pid == 0:
        work(request, folder, to_answer)
    os.close(to_answer)
    return Running(request, pid, answers, folder)


def work(request, folder, to_answer):
    """The life of a job's process. Never returns."""
    try:
        os.setsid()
        confine.die_with_parent()
        nothing = os.open(os.devnull, os.O_RDWR)
        # The office talks to whoever listens.
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.chdir(folder)
        answer = run_confined(request["job"], folder, request["memoryBytes"], request["cpuSeconds"])
        with os.fdopen(to_answer, "w") as stream:
            stream.write(json.dumps(answer))
    finally:
        # Not in order: the office's own end takes longer than a conversion, and nothing of it is kept.
        os._exit(0)


def convert_here(job, memory_bytes, cpu_seconds):
    """The answer to one job of a program that is not the daemon."""
    if not office.is_installed():
        return {"type": "failed", "code": "CONVERTER_MISSING", "message": "LibreOffice is not in this sandbox's image."}
    folder = make_folder()
    try:
        running = start({"id": "", "job": job, "memoryBytes": memory_bytes, "cpuSeconds": cpu_seconds}, folder)
        while data := os.read(running.answers, 65536):
            running.received += data
        return running.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not office.is_installed():
        print(json.dumps({"type": "missing"}), flush=True)
        return
    office.preload()
    Host().serve()
