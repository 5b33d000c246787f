"""The native protocol on a bare socket: frames and segments made by hand."""
import socket
import struct
import urllib.error
import urllib.request
import zlib

from checks import equal

ERROR, STARTUP, READY, OPTIONS, SUPPORTED, QUERY, RESULT, PREPARE, EXECUTE, REGISTER, BATCH = 0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 13
SERVER, PROTOCOL, OVERLOADED, SYNTAX, INVALID, UNPREPARED = 0, 0x0A, 0x1001, 0x2000, 0x2200, 0x2500


def short(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">H", len(data)) + data


def query_body(text, parameters=b"\x00\x01\x00"):
    return struct.pack(">i", len(text.encode())) + text.encode() + parameters


def frame(opcode, body=b"", version=4, stream=1, flags=0, length=None):
    return struct.pack(">BBhBi", version, flags, stream, opcode, len(body) if length is None else length) + body


def crc24(data):
    crc = 0x875060
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1974F0B
    return crc.to_bytes(3, "little")


def segment(payload, self_contained=True):
    header = (len(payload) | self_contained << 17).to_bytes(3, "little")
    return header + crc24(header) + payload + zlib.crc32(payload, zlib.crc32(b"\xfa\x2d\x55\xca")).to_bytes(4, "little")


class Connection:
    def __init__(self, port, version=None, compression=None, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if version:
            options = [("CQL_VERSION", "3.0.0")] + ([("COMPRESSION", compression)] if compression else [])
            body = struct.pack(">H", len(options)) + b"".join(short(k) + short(v) for k, v in options)
            self.send(frame(STARTUP, body, version))
            equal(self.receive()[1], READY)

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError(f"closed after {len(data)} of {count} bytes")
            data += more
        return data

    def receive_frame(self):
        """(flags, stream, opcode, body) of the next bare frame."""
        _, flags, stream, opcode, length = struct.unpack(">BBhBi", self.exactly(9))
        return flags, stream, opcode, self.exactly(length)

    def receive(self):
        """The same without the flags."""
        return self.receive_frame()[1:]

    def receive_segment(self):
        header = self.exactly(6)
        equal(crc24(header[:3]), header[3:])
        length = int.from_bytes(header[:3], "little") & 0x1FFFF
        payload = self.exactly(length)
        equal(self.exactly(4), zlib.crc32(payload, zlib.crc32(b"\xfa\x2d\x55\xca")).to_bytes(4, "little"))
        return payload

    def error(self):
        stream, opcode, body = self.receive()
        equal(opcode, ERROR)
        code, length = struct.unpack(">iH", body[:6])
        return stream, code, body[6:6 + length].decode()

    def closed(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def works(self):
        self.send(frame(QUERY, query_body("SELECT key FROM system.local"), stream=77))
        stream, opcode, _ = self.receive()
        equal((stream, opcode), (77, RESULT))


def page(port, path):
    """Status and body of an HTTP page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ask(c, text):
    """The result of a statement."""
    c.send(frame(QUERY, query_body(text), stream=1))
    stream, opcode, body = c.receive()
    assert opcode == RESULT, (text[:60], body)
    return body
