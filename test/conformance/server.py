"""The server under test: one process on free ports with its own data directory."""
import pathlib
import select
import signal
import socket
import subprocess
import tempfile

READY_SECONDS = 60
STOP_SECONDS = 30


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, binary, log, options=()):
        self.binary = binary
        self.options = options
        self.log = pathlib.Path(log)
        self.log.unlink(missing_ok=True)
        self.data = tempfile.TemporaryDirectory(prefix="sagitta-")
        self.port, self.http_port = free_port(), free_port()
        self.process = None

    def start(self):
        command = [self.binary, "serve", "--data", self.data.name, "--cql", f"127.0.0.1:{self.port}",
                   "--http", f"127.0.0.1:{self.http_port}", *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        if not ready or not self.process.stdout.readline():
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"the server did not get ready:\n{self.tail()}")

    def stop(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"still there {STOP_SECONDS} s after SIGTERM"

    def restart(self):
        status = self.stop()
        if status != 0:
            raise RuntimeError(f"the server stopped with {status}:\n{self.tail()}")
        self.start()

    def crash(self):
        """SIGKILL, and a start on what is on the disk."""
        self.process.kill()
        self.process.wait()
        self.start()

    def alive(self):
        return self.process.poll() is None

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
