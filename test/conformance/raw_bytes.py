"""Bytes that no driver sends, on bare sockets: the right error on the right stream, and a server that goes on for all others."""
import random
import socket
import struct

from bare import (BATCH, ERROR, EXECUTE, INVALID, OPTIONS, PREPARE, PROTOCOL, QUERY, READY, REGISTER,
                  RESULT, STARTUP, SUPPORTED, SYNTAX, UNPREPARED, Connection, frame, query_body, segment, short)
from checks import arguments, check, equal, run

REFUSAL = "Invalid or unsupported protocol version (66); the lowest supported version is 4 and the greatest is 5"


@check
def unknown_version_is_refused_with_the_text_that_drivers_match(port):
    for opcode in (STARTUP, OPTIONS):
        c = Connection(port)
        c.send(frame(opcode, version=0x42, stream=5))
        equal(c.error(), (5, PROTOCOL, REFUSAL))
        c.socket.shutdown(socket.SHUT_WR)
        assert c.closed(), "the connection must be closed after the half-close"


@check
def options_before_and_after_startup(port):
    for version in (4, 5):
        c = Connection(port)
        c.send(frame(OPTIONS, version=version, stream=3))
        stream, opcode, body = c.receive()
        equal((stream, opcode), (3, SUPPORTED))
        for key in (b"CQL_VERSION", b"COMPRESSION", b"lz4", b"snappy", b"PROTOCOL_VERSIONS"):
            assert key in body, key
    c = Connection(port, 4)
    c.send(frame(OPTIONS, stream=9))
    equal(c.receive()[:2], (9, SUPPORTED))


@check
def half_close_is_answered_at_once(port):
    c = Connection(port, 4)
    c.socket.shutdown(socket.SHUT_WR)
    assert c.closed()


@check
def query_before_startup_is_a_protocol_error(port):
    c = Connection(port)
    c.send(frame(QUERY, query_body("SELECT key FROM system.local")))
    equal(c.error()[:2], (1, PROTOCOL))


@check
def unknown_opcodes_and_responses_keep_the_connection(port):
    c = Connection(port, 4)
    for opcode in (4, READY, RESULT, 0x11, 0x7F, 0xFF):
        c.send(frame(opcode, stream=opcode))
        equal(c.error()[:2], (opcode, PROTOCOL))
        c.works()


@check
def lengths_that_lie_inside_a_body_keep_the_connection(port):
    c = Connection(port, 4)
    bodies = [(QUERY, b"\x7f\xff\xff\xff" + b"SELECT"), (QUERY, b""), (QUERY, query_body("SELECT 1", b"\x00\x01\x01\xff\xff")),
              (QUERY, query_body("SELECT 1", b"\x00\x01\x01\x00\x01\xff\xff\xff\xfd")), (QUERY, query_body("SELECT 1", b"\x00\x63\x00")),
              (EXECUTE, b"\xff\xff"), (BATCH, b"\x00\xff\xff\x00"), (PREPARE, b"\xff\xff\xff\xff"), (REGISTER, b"\x00\x09"),
              (BATCH, b"\x09\x00\x00\x00\x01\x00")]
    for number, (opcode, body) in enumerate(bodies):
        c.send(frame(opcode, body, stream=number))
        equal(c.error()[:2], (number, PROTOCOL))
        c.works()


@check
def every_truncation_of_a_request_is_an_error_or_an_answer(port):
    c = Connection(port, 4)
    body = query_body("SELECT key FROM system.local WHERE key = ?", b"\x00\x01\x25\x00\x01\x00\x00\x00\x05local\x00\x00\x00\x0a" + b"\x00" * 8)
    for length in range(len(body)):
        c.send(frame(QUERY, body[:length], stream=length))
        equal(c.error()[:2], (length, PROTOCOL))
    c.works()


@check
def negative_frame_length_closes(port):
    c = Connection(port, 4)
    c.send(frame(QUERY, length=-1, stream=4))
    equal(c.error()[:2], (4, PROTOCOL))
    assert c.closed()


@check
def oversized_frame_is_refused_before_it_comes(port):
    c = Connection(port, 4)
    c.send(frame(QUERY, length=0x7FFFFFFF, stream=6))
    stream, code, text = c.error()
    equal((stream, code), (6, INVALID))
    assert "2147483647" in text, text


@check
def another_version_in_mid_connection_closes(port):
    c = Connection(port, 4)
    c.send(frame(OPTIONS, version=5, stream=2))
    equal(c.error()[1], PROTOCOL)
    assert c.closed()


@check
def wrong_statements_get_their_codes(port):
    c = Connection(port, 4)
    for text, code, word in (("SELEKT", SYNTAX, "line 1:0"), ("", SYNTAX, ""), ("SELECT * FROM a.b", INVALID, "a"),
                             ("\x00\xff'", SYNTAX, ""), ("(" * 100000, SYNTAX, ""), ("SELECT " + "(" * 5000, SYNTAX, "")):
        c.send(frame(QUERY, query_body(text)))
        _, got, message = c.error()
        equal((text[:20], got), (text[:20], code))
        assert word in message, message
    c.send(frame(QUERY, struct.pack(">i", 4) + b"\xff\xfe\xc0\x80" + b"\x00\x01\x00"))
    equal(c.error()[1], PROTOCOL)
    c.send(frame(EXECUTE, short(b"0123456789abcdef") + b"\x00\x01\x00"))
    stream, opcode, body = c.receive()
    equal((opcode, struct.unpack(">i", body[:4])[0]), (ERROR, UNPREPARED))
    assert body.endswith(short(b"0123456789abcdef")), body
    c.works()


@check
def damaged_compression_costs_one_frame(port):
    for name in ("lz4", "snappy"):
        c = Connection(port, 4, name)
        for body in (b"\x7f\xff\xff\xff\x00", b"\x00\x00\x00\x10garbage", b"\xff\xff\xff\xff\x0f\x00"):
            c.send(frame(QUERY, body, flags=1, stream=8))
            equal(c.error()[:2], (8, PROTOCOL))
        c.works()
    c = Connection(port)
    c.send(frame(STARTUP, struct.pack(">H", 1) + short("COMPRESSION") + short("zstd")))
    equal(c.error()[1], PROTOCOL)


@check
def segments_good_and_damaged(port):
    c = Connection(port, 5)
    one = frame(OPTIONS, version=5, stream=1)
    c.send(segment(one + frame(OPTIONS, version=5, stream=2)) + segment(one))
    seen = b""
    while len(seen) < 3 * 9 or seen.count(b"CQL_VERSION") < 3:
        seen += c.receive_segment()
    big = frame(QUERY, query_body("SELECT key FROM system.local" + " " * 300000, b"\x00\x01\x00\x00\x00\x00"), version=5, stream=3)
    for at in range(0, len(big), 131071):
        c.send(segment(big[at:at + 131071], False))
    equal(struct.unpack(">BBhB", c.receive_segment()[:5])[2:], (3, RESULT))
    good = segment(one)
    for at in (0, 4, 8, len(good) - 1):
        c = Connection(port, 5)
        c.send(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        assert c.receive_segment()[4] == ERROR
        assert c.closed()


@check
def noise_and_vanishing_clients(port):
    source = random.Random(11)
    steady = Connection(port, 4)
    for number in range(200):
        c = Connection(port, 4 if number % 2 else None)
        c.send(source.randbytes(source.randrange(1, 400)))
        c.socket.close()
    for text in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
        c = Connection(port)
        c.send(text)
        c.socket.close()
    steady.works()


@check
def answers_come_out_of_order_and_all_of_them(port):
    c = Connection(port, 4)
    c.send(b"".join(frame(QUERY, query_body("SELECT key FROM system.local"), stream=n) for n in range(1000)))
    equal(sorted(c.receive()[0] for _ in range(1000)), list(range(1000)))


if __name__ == "__main__":
    run(arguments().port)
