"""Random tables: what they are made of, and the statements that make them."""
import dataclasses

import values

COLUMNS_MAX = 5


@dataclasses.dataclass
class Column:
    name: str
    type: values.Type
    descending: bool = False


@dataclasses.dataclass
class Table:
    """`domains`: the few literals that each key column takes, so that rows are written more than once."""
    name: str
    partition: list
    clustering: list
    static: list
    regular: list
    domains: dict
    is_counter: bool = False
    ddl: list = dataclasses.field(default_factory=list)

    def keys(self):
        return self.partition + self.clustering

    def columns(self):
        return self.keys() + self.static + self.regular


def _key_columns(random, prefix, count):
    return [Column(f"{prefix}{n}", values.Type(random.choice(values.KEY_SCALARS)), random.random() < 0.4)
            for n in range(count)]


def _domain(random, column):
    literals = values.LITERALS[column.type.kind]
    return random.sample(literals, min(values.FEW, len(literals)))


def _user_types(random):
    types = []
    for n in range(random.randint(0, 2)):
        fields = [f"f{m}" for m in range(random.randint(1, 3))]
        types.append(values.Type("user", [values.scalar(random) for _ in fields], name=f"u{n}", fields=fields))
    return types


def _create_type(user):
    fields = [f"{name} {type.to_cql()}" for name, type in zip(user.fields, user.inner)]
    return f"CREATE TYPE {user.name} ({', '.join(fields)});"


def _create_table(table):
    lines = [f"{column.name} {column.type.to_cql()}{' STATIC' if column in table.static else ''}"
             for column in table.columns()]
    partition = ", ".join(column.name for column in table.partition)
    clustering = "".join(f", {column.name}" for column in table.clustering)
    order = ", ".join(f"{column.name} {'DESC' if column.descending else 'ASC'}" for column in table.clustering)
    return (f"CREATE TABLE {table.name} ({', '.join(lines)}, PRIMARY KEY (({partition}){clustering}))"
            + (f" WITH CLUSTERING ORDER BY ({order})" if order else "") + ";")


def _index(random, table):
    """A secondary index on one of the columns, plain or SAI."""
    column = random.choice(table.columns())
    target = column.name
    if column.type.kind in ("list", "set", "map"):
        targets = ["FULL"] if column.type.frozen else ["VALUES"] + ["KEYS", "ENTRIES"] * (column.type.kind == "map")
        target = f"{random.choice(targets)}({target})"
    return f"CREATE INDEX ON {table.name} ({target})" + random.choice([";", " USING 'sai';"])


def table(random, indexes=False):
    """A table and, in `ddl`, all that makes it."""
    users = _user_types(random)
    is_counter = random.random() < 0.1
    partition = _key_columns(random, "p", random.choice([1, 1, 1, 2]))
    clustering = _key_columns(random, "c", random.choice([0, 1, 1, 2, 2, 3]))
    kind = (lambda: values.Type("counter")) if is_counter else (lambda: values.any_type(random, users))
    static = [Column(f"s{n}", kind()) for n in range(random.randint(0, 2) if clustering else 0)]
    regular = [Column(f"v{n}", kind()) for n in range(random.randint(1 if is_counter else 0, COLUMNS_MAX))]
    domains = {column.name: _domain(random, column) for column in partition + clustering}
    made = Table("t", partition, clustering, static, regular, domains, is_counter)
    made.ddl = [*map(_create_type, users), _create_table(made)]
    if indexes:
        made.ddl += [_index(random, made) for _ in range(random.randint(1, 2))]
    return made
