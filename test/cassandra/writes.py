"""Random writes to a table, with timestamps of their own."""
import schema
import values
from keys import SLICES, Keys

TIMESTAMPS = 300
TTLS = range(100_500, 10_000_500, 1000)  # nothing expires while a run lasts, nor is rounded to another thousand


class Writer(Keys):
    """`lwt`: conditional statements too; those have the time of day for a timestamp, and most others do then."""

    def __init__(self, random, table, lwt=False):
        super().__init__(random, table)
        self.lwt = lwt

    def write(self):
        """A paragraph with one statement that changes rows, or the table."""
        if self.random.random() < 0.02:
            return self._paragraph(self._alter, may_bind=False)
        return self._paragraph(self._any)

    def _any(self):
        if self.table.is_counter:
            return self._count()
        if self.random.random() < 0.12:
            inside = "\n".join(self._single() + ";" for _ in range(self.random.randint(1, 4)))
            return f"BEGIN {self.random.choice(['', 'UNLOGGED '])}BATCH\n{inside}\nAPPLY BATCH"
        if self.lwt and self.random.random() < 0.4:
            return self._conditional() if self.random.random() < 0.8 else self._conditional_batch()
        return self._single()

    def _alter(self):
        """Drops a column, or adds one of a new name."""
        regular, name = self.table.regular, self.table.name
        droppable = [column for column in regular if column.type.kind != "user" or column.type.frozen]
        if len(regular) > 1 and droppable and self.random.random() < 0.5:
            column = self.random.choice(droppable)
            regular.remove(column)
            return f"ALTER TABLE {name} DROP {column.name}"
        type = values.Type("counter") if self.table.is_counter else values.any_type(self.random, [])
        column = schema.Column(f"w{self.random.randrange(10**6)}", type)
        regular.append(column)
        return f"ALTER TABLE {name} ADD {column.name} {type.to_cql()}"

    def _single(self):
        kinds = [self._insert] * 3 + [self._update] * 2 + [self._delete]
        return self.random.choice(kinds)()

    def _using(self, ttl=True):
        given = [] if self.lwt and self.random.random() < 0.7 else [f"TIMESTAMP {self.random.randrange(1, TIMESTAMPS)}"]
        if ttl and self.random.random() < 0.15:
            given.append(f"TTL {self.random.choice(TTLS)}")
        return f" USING {' AND '.join(given)}" if given else ""

    def _equals(self, columns):
        return " AND ".join(f"{column.name} = {self._key(column)}" for column in columns)

    def _some(self, columns, chance=0.6):
        return [column for column in columns if self.random.random() < chance]

    def _value(self, column):
        return "null" if self.random.random() < 0.12 else values.literal(self.random, column.type)

    def _insert(self, using=None):
        statics_only = bool(self.table.static) and self.random.random() < 0.15
        keys = self.table.partition if statics_only else self.table.keys()
        given = self._some(self.table.static, 0.9 if statics_only else 0.3)
        given += [] if statics_only else self._some(self.table.regular)
        names = ", ".join(column.name for column in keys + given)
        literals = ", ".join([self._key(column) for column in keys] + [self._value(column) for column in given])
        return f"INSERT INTO {self.table.name} ({names}) VALUES ({literals}){self._using() if using is None else using}"

    def _assignments(self, columns):
        chosen = self._some(columns) or columns[:1]
        return ", ".join(self._assignment(column) for column in chosen)

    def _assignment(self, column):
        type, name = column.type, column.name
        if not type.is_multicell() or self.random.random() < 0.4:
            return f"{name} = {self._value(column)}"
        if type.kind == "user":
            at = self.random.randrange(len(type.fields))
            return f"{name}.{type.fields[at]} = {values.literal(self.random, type.inner[at])}"
        part = values.literal(self.random, type)
        if type.kind == "map" and self.random.random() < 0.4:
            key, value = (values.literal(self.random, inner) for inner in type.inner)
            return f"{name}[{key}] = {value}"
        if type.kind == "list" and self.random.random() < 0.4:
            element = values.literal(self.random, type.inner[0])
            return self.random.choice([f"{name}[0] = {element}", f"{name} = {part} + {name}"])
        if self.random.random() < 0.5:
            return f"{name} = {name} + {part}"
        keys = values.Type("set" if type.kind == "map" else type.kind, type.inner[:1])
        return f"{name} = {name} - {values.literal(self.random, keys)}"

    def _update(self, using=None):
        of_statics = bool(self.table.static) and (not self.table.regular or self.random.random() < 0.2)
        table = self.table
        columns, keys = (table.static, table.partition) if of_statics else (table.regular, table.keys())
        if not columns:
            return self._insert(using)
        using = self._using() if using is None else using
        return f"UPDATE {self.table.name}{using} SET {self._assignments(columns)} WHERE {self._equals(keys)}"

    def _count(self):
        columns = self.table.regular
        changed = ", ".join(f"{column.name} = {column.name} {self.random.choice('+-')} {self.random.randrange(9)}"
                            for column in self._some(columns) or columns[:1])
        return f"UPDATE {self.table.name} SET {changed} WHERE {self._equals(self.table.keys())}"

    def _target(self, column):
        """What a DELETE names: the column or one of its elements."""
        type = column.type
        if type.is_multicell() and self.random.random() < 0.5:
            if type.kind == "user":
                return f"{column.name}.{self.random.choice(type.fields)}"
            element = "0" if type.kind == "list" else values.literal(self.random, type.inner[0])
            return f"{column.name}[{element}]"
        return column.name

    def _delete(self, using=None):
        using = self._using(ttl=False) if using is None else using
        kind = self.random.choice(["columns", "row", "row", "range", "range", "partition"])
        if kind == "columns" and self.table.regular:
            targets = ", ".join(map(self._target, self._some(self.table.regular) or self.table.regular[:1]))
            return f"DELETE {targets} FROM {self.table.name}{using} WHERE {self._equals(self.table.keys())}"
        head = f"DELETE FROM {self.table.name}{using} WHERE {self._equals(self.table.partition)}"
        if kind == "partition" or not self.table.clustering:
            return head
        depth = len(self.table.clustering) if kind == "row" else self.random.randrange(len(self.table.clustering))
        bounds = [f" AND {column.name} = {self._key(column)}" for column in self.table.clustering[:depth]]
        if kind == "range" and self.random.random() < 0.8:
            column = self.table.clustering[depth]
            operators = self.random.choice([["<"], ["<="], [">"], [">="], [">", "<="], [">=", "<"]])
            bounds += [f" AND {column.name} {operator} {self._key(column)}" for operator in operators]
        return head + "".join(bounds)

    def _conditional(self):
        kind = self.random.choice(["insert", "update", "delete"])
        if kind == "insert":
            return self._insert(" IF NOT EXISTS")
        if kind == "delete":
            bare = f"DELETE FROM {self.table.name} WHERE {self._equals(self.table.keys())}"
            return f"{bare} IF {self._conditions()}"
        if not self.table.regular and not self.table.static:
            return self._insert(" IF NOT EXISTS")
        return f"{self._update('')} IF {self._conditions()}"

    def _conditional_batch(self):
        """In one partition, where alone it is allowed."""
        self.fixed = {column.name: self.random.choice(self.table.domains[column.name])
                      for column in self.table.partition}
        inside = [self._conditional()] + [self._update("") for _ in range(self.random.randint(0, 2))]
        self.fixed = {}
        return "BEGIN BATCH\n" + ";\n".join(inside) + ";\nAPPLY BATCH"

    def _conditions(self):
        columns = self.table.regular + self.table.static
        if not columns or self.random.random() < 0.3:
            return "EXISTS"
        chosen = self.random.sample(columns, min(len(columns), self.random.randint(1, 2)))
        return " AND ".join(map(self._condition, chosen))

    def _condition(self, column):
        if self.random.random() < 0.2:
            return f"{column.name} IN ({self._value(column)}, {self._value(column)})"
        return f"{column.name} {self.random.choice(['=', '=', '!=', *SLICES])} {self._value(column)}"
