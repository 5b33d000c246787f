"""The native protocol, version 4: requests made, and answers read whose cells stay bytes."""
import dataclasses
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
from bare import ERROR, short  # noqa: E402

CONSISTENCIES = ("ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "SERIAL",
                 "LOCAL_SERIAL", "LOCAL_ONE")
BATCHES = ("logged", "unlogged", "counter")
UNSET = object()
WARNINGS, TRACED = 8, 2
VOID, ROWS, SET_KEYSPACE, PREPARED, SCHEMA_CHANGE = range(1, 6)

NATIVE = {1: "ascii", 2: "bigint", 3: "blob", 4: "boolean", 5: "counter", 6: "decimal", 7: "double", 8: "float",
          9: "int", 11: "timestamp", 12: "uuid", 13: "text", 14: "varint", 15: "timeuuid", 16: "inet", 17: "date",
          18: "time", 19: "smallint", 20: "tinyint", 21: "duration"}
CUSTOM_NAMES = {"AsciiType": "ascii", "LongType": "bigint", "BytesType": "blob", "BooleanType": "boolean",
                "DecimalType": "decimal", "DoubleType": "double", "FloatType": "float", "Int32Type": "int",
                "TimestampType": "timestamp", "UUIDType": "uuid", "UTF8Type": "text", "IntegerType": "varint",
                "TimeUUIDType": "timeuuid", "InetAddressType": "inet", "SimpleDateType": "date", "TimeType": "time",
                "ShortType": "smallint", "ByteType": "tinyint", "DurationType": "duration"}
COLLECTIONS = {0x20: ("list", 1), 0x21: ("map", 2), 0x22: ("set", 1)}
CUSTOM, UDT, TUPLE = 0, 0x30, 0x31
MARSHAL = "org.apache.cassandra.db.marshal."


@dataclasses.dataclass
class Type:
    """`kind` is the CQL name; of a user type its own, with the names of its fields."""
    kind: str
    parameters: list = dataclasses.field(default_factory=list)
    fields: list = dataclasses.field(default_factory=list)

    def __str__(self):
        inside = ", ".join(f"{name} {type}" for name, type in zip(self.fields, self.parameters)) if self.fields else \
            ", ".join(map(str, self.parameters))
        return f"{self.kind}<{inside}>" if inside else self.kind

    def to_cast(self):
        """As a CAST's target names it, where what is nested must be frozen."""
        inside = ", ".join(p.to_cast() if isinstance(p, Type) else str(p) for p in self.parameters)
        if not inside:
            return self.kind
        return f"{self.kind}<{inside}>" if self.kind == "vector" else f"frozen<{self.kind}<{inside}>>"

    def has_user_type(self):
        return bool(self.fields) or any(isinstance(p, Type) and p.has_user_type() for p in self.parameters)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        assert self.at <= len(self.data), "the answer ends too soon"
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        return self.take(self.number("H")).decode()

    def texts(self):
        return [self.text() for _ in range(self.number("H"))]

    def bytes(self):
        length = self.number("i")
        return None if length < 0 else self.take(length)

    def type(self):
        code = self.number("H")
        if code == CUSTOM:
            return custom_type(self.text())
        if code in COLLECTIONS:
            name, count = COLLECTIONS[code]
            return Type(name, [self.type() for _ in range(count)])
        if code == UDT:
            self.text()
            name = self.text()
            fields = [(self.text(), self.type()) for _ in range(self.number("H"))]
            return Type(name, [type for _, type in fields], [field for field, _ in fields])
        if code == TUPLE:
            return Type("tuple", [self.type() for _ in range(self.number("H"))])
        return Type(NATIVE[code])


def custom_type(name):
    """Of a Java class: vectors and durations have no code of their own in this version."""
    name = name.removeprefix(MARSHAL)
    if name.startswith("VectorType("):
        element, _, dimension = name[len("VectorType("):-1].rpartition(",")
        return Type("vector", [custom_type(element.strip()), int(dimension)])
    return Type(CUSTOM_NAMES.get(name, name))


@dataclasses.dataclass
class Columns:
    table: str = ""
    names: list = dataclasses.field(default_factory=list)
    types: list = dataclasses.field(default_factory=list)
    paging_state: bytes | None = None

    def described(self):
        return [f"{name} {type}" for name, type in zip(self.names, self.types)]


def read_columns(reader, with_key=False):
    """The metadata of rows, or, `with_key`, of a prepared statement's markers."""
    flags, count = reader.number("i"), reader.number("i")
    if with_key:
        for _ in range(reader.number("i")):
            reader.number("H")
    columns = Columns(paging_state=reader.bytes() if flags & 2 else None)
    if flags & 4:
        return columns
    if flags & 1:
        columns.table = f"{reader.text()}.{reader.text()}"
    for _ in range(count):
        if not flags & 1:
            columns.table = f"{reader.text()}.{reader.text()}"
        columns.names.append(reader.text())
        columns.types.append(reader.type())
    return columns


@dataclasses.dataclass
class Result:
    """One answer. `kind` is one of VOID … SCHEMA_CHANGE, or ERROR."""
    kind: int
    warnings: list
    code: int = 0
    text: str = ""  # of an error, of a change of the schema, of a keyspace
    columns: Columns | None = None
    markers: Columns | None = None
    rows: list = dataclasses.field(default_factory=list)
    id: bytes = b""


def read_result(flags, opcode, body):
    reader = Reader(body)
    if flags & TRACED:
        reader.take(16)
    warnings = reader.texts() if flags & WARNINGS else []
    if opcode == ERROR:
        return Result(ERROR, warnings, code=reader.number("i"), text=reader.text())
    result = Result(reader.number("i"), warnings)
    if result.kind == ROWS:
        result.columns = read_columns(reader)
        result.rows = [[reader.bytes() for _ in result.columns.names] for _ in range(reader.number("i"))]
    elif result.kind == SET_KEYSPACE:
        result.text = reader.text()
    elif result.kind == PREPARED:
        result.id = reader.take(reader.number("H"))
        result.markers, result.columns = read_columns(reader, with_key=True), read_columns(reader)
    elif result.kind == SCHEMA_CHANGE:
        change, target, keyspace = reader.text(), reader.text(), reader.text()
        result.text = " ".join([change, target, keyspace if target == "KEYSPACE" else f"{keyspace}.{reader.text()}"])
    return result


def packed(value):
    if value is UNSET:
        return struct.pack(">i", -2)
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def parameters(consistency, timestamp, values=(), page=0, paging_state=None):
    """What follows a QUERY's text or an EXECUTE's id."""
    flags = bool(values) | (page > 0) << 2 | (paging_state is not None) << 3 | 0x20
    body = struct.pack(">HB", CONSISTENCIES.index(consistency), flags)
    if values:
        body += struct.pack(">H", len(values)) + b"".join(map(packed, values))
    if page > 0:
        body += struct.pack(">i", page)
    if paging_state is not None:
        body += packed(paging_state)
    return body + struct.pack(">q", timestamp)


def batch_body(kind, items, consistency, timestamp):
    """Of `items`: (text or id, values)."""
    body = struct.pack(">BH", BATCHES.index(kind), len(items))
    for what, values in items:
        named = isinstance(what, bytes)
        body += struct.pack(">B", named) + (short(what) if named else packed(what.encode()))
        body += struct.pack(">H", len(values)) + b"".join(map(packed, values))
    return body + struct.pack(">HBq", CONSISTENCIES.index(consistency), 0x20, timestamp)
