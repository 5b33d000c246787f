"""Random types, and literals of them from small domains, so that values meet again."""
import dataclasses

UUIDS = [f"123e4567-e89b-42d3-a456-42661417400{n}" for n in range(4)] + ["00000000-0000-0000-0000-000000000000"]
TIMEUUIDS = [f"5055{n}-29bb-11e5-b345-feff819cdc9f" for n in range(4096, 4102)]
TIMEUUIDS.append("50554d6e-19bb-11e5-b345-feff819cdc9f")
LITERALS = {
    "ascii": ["''", "'a'", "'b'", "'B'", "'ab'"],
    "bigint": ["0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808"],
    "blob": ["0x", "0x00", "0x0001", "0xff", "0x7f"],
    "boolean": ["true", "false"],
    "counter": ["-3", "0", "3"],
    "date": ["'1970-01-01'", "'1969-12-31'", "'2024-02-29'", "'2024-03-01'", "'-0001-01-01'"],
    "decimal": ["0", "1.5", "1.50", "-3.25", "100", "12345678901234567890.123"],
    "double": ["0.0", "1.5", "-1.5", "1e300", "NaN", "Infinity", "-Infinity"],
    "duration": ["1mo2d3s", "12h", "-5d", "1y", "89h4m48s"],
    "float": ["0.0", "1.5", "-1.5", "3.25", "NaN", "Infinity", "-Infinity"],
    "inet": ["'127.0.0.1'", "'10.0.0.1'", "'::1'", "'fe80::1'", "'255.255.255.255'"],
    "int": ["0", "1", "2", "3", "-1", "2147483647", "-2147483648"],
    "smallint": ["0", "1", "-1", "32767", "-32768"],
    "text": ["''", "'a'", "'b'", "'B'", "'ab'", "'naïve'", "'日本'", "'it''s'"],
    "time": ["'00:00:00'", "'08:12:54.123456789'", "'23:59:59.999'", "'12:00:00'"],
    "timestamp": ["0", "'1969-12-31 23:59:59.999+0000'", "'2024-02-29 12:00:00.123+0000'", "'2024-03-01+0000'"],
    "timeuuid": TIMEUUIDS,
    "tinyint": ["0", "1", "-1", "127", "-128"],
    "uuid": UUIDS,
    "varint": ["0", "1", "-1", "127", "128", "-129", "123456789012345678901234567890"],
}
SCALARS = [name for name in LITERALS if name != "counter"]
KEY_SCALARS = [name for name in SCALARS if name != "duration"]
FEW = 3


@dataclasses.dataclass
class Type:
    """`kind`: a scalar, list, set, map, tuple, vector or user. `size`: a vector's; `fields`: a user type's names."""
    kind: str
    inner: list = dataclasses.field(default_factory=list)
    frozen: bool = False
    size: int = 0
    name: str = ""
    fields: list = dataclasses.field(default_factory=list)

    def to_cql(self):
        if self.kind == "user":
            text = self.name
        elif self.kind == "vector":
            return f"vector<{self.inner[0].to_cql()}, {self.size}>"
        elif self.inner:
            text = f"{self.kind}<{', '.join(inner.to_cql() for inner in self.inner)}>"
        else:
            return self.kind
        return f"frozen<{text}>" if self.frozen else text

    def is_multicell(self):
        return not self.frozen and self.kind in ("list", "set", "map", "user")


def scalar(random):
    return Type(random.choice(SCALARS))


def any_type(random, users):
    """Of a column that is no key."""
    kind = random.choice(["scalar"] * 5 + ["list", "set", "map", "tuple", "vector"] + ["user"] * bool(users))
    frozen = random.random() < 0.4
    if kind == "scalar":
        return scalar(random)
    if kind == "user":
        return dataclasses.replace(random.choice(users), frozen=frozen)
    if kind == "tuple":
        return Type("tuple", [scalar(random) for _ in range(random.randint(1, FEW))], frozen=True)
    if kind == "vector":
        return Type("vector", [Type(random.choice(["float", "float", "int", "text"]))], size=random.randint(2, FEW))
    keys = [Type(random.choice(KEY_SCALARS)) for _ in range(1 + (kind == "map"))]
    if random.random() < 0.15 and kind != "set":
        keys[-1] = Type("list", [scalar(random)], frozen=True)
    return Type(kind, keys, frozen=frozen)


def literal(random, type):
    """A value of the type, never null."""
    if not type.inner:
        return random.choice(LITERALS[type.kind])
    if type.kind == "user":
        fields = zip(type.fields, type.inner)
        given = [f"{name}: {literal(random, inner)}" for name, inner in fields if random.random() < 0.8]
        return "{" + ", ".join(given or [f"{type.fields[0]}: null"]) + "}"
    if type.kind == "tuple":
        parts = [literal(random, inner) if random.random() < 0.9 else "null" for inner in type.inner]
        return f"({', '.join(parts)})"
    count = type.size or random.randint(0, FEW)
    parts = [literal(random, type.inner[0]) for _ in range(count)]
    if type.kind == "map":
        parts = [f"{key}: {literal(random, type.inner[1])}" for key in dict.fromkeys(parts)]
    return f"[{', '.join(parts)}]" if type.kind in ("list", "vector") else f"{{{', '.join(parts)}}}"
