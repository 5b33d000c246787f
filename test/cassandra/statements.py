"""Random statements on a table: writes with timestamps of their own, and queries with every clause."""
import script
import schema
import values

TIMESTAMPS = 300
TTLS = range(100_500, 10_000_500, 1000)  # nothing expires while a run lasts, nor is rounded to another thousand
PAGES = [0, 0, 1, 2, 3, 5]
SLICES = ["<", "<=", ">", ">="]


class Keys:
    """Literals of key columns, in the text or bound to markers there."""

    def __init__(self, random, table):
        self.random, self.table = random, table
        self.fixed = {}  # literals that a statement must take
        self.bound = None  # literals of the markers so far; None: no markers

    def _key(self, column):
        literal = self.fixed.get(column.name) or self.random.choice(self.table.domains[column.name])
        if self.bound is None or literal.startswith("-"):  # a cast of a negative number is not for every parser
            return literal
        self.bound.append(literal)
        return "?"

    def _paragraph(self, make, page=0, any_order=False, may_bind=True):
        """Of the text that `make` gives, sometimes with markers for keys."""
        self.bound = [] if may_bind and self.random.random() < 0.2 else None
        step = script.Step(text=make() + ";", page=page)
        step.values = [self.bound] if self.bound else []
        self.bound = None
        return script.Paragraph(steps=[step], any_order=any_order)


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


class Reader(Keys):
    def query(self):
        """A paragraph with one query. Where it names several partitions the rows may come in any order."""
        several = self.random.random() < 0.1
        if self.random.random() < 0.08:
            return self._paragraph(lambda: self._select(several, self._group()), any_order=several)
        page = 0 if several else self.random.choice(PAGES)
        return self._paragraph(lambda: self._select(several), page, several)

    def _select(self, several, groups=None):
        selection = ", ".join([*groups, self._aggregate()]) if groups else self._selection()
        where, single = self._several() if several else self._where()
        grouping = f" GROUP BY {', '.join(groups)}" if groups else ""
        order = self._order() if single and not groups and self.random.random() < 0.4 else ""
        limits = "" if several else self._limits()
        filtering = " ALLOW FILTERING" if self.random.random() < 0.7 else ""
        clauses = (f" WHERE {' AND '.join(where)}" if where else "") + grouping + order + limits + filtering
        return f"SELECT {selection} FROM {self.table.name}{clauses}"

    def _group(self):
        """The first columns of the primary key, the partition key whole."""
        keys = self.table.keys()
        return [column.name for column in keys[:self.random.randint(len(self.table.partition), len(keys))]]

    def _aggregate(self):
        name = self.random.choice(self.table.columns()).name
        return self.random.choice(["count(*)", f"min({name})", f"max({name})", f"count({name})"])

    def _selection(self):
        kind = self.random.random()
        columns = self.table.columns()
        if kind < 0.4:
            return "*"
        if kind < 0.5:
            statics = [column.name for column in self.table.static if self.random.random() < 0.5]
            return "DISTINCT " + ", ".join([column.name for column in self.table.partition] + statics)
        if kind < 0.6:
            return self._aggregate()
        chosen = self.random.sample(columns, self.random.randint(1, len(columns)))
        if kind < 0.65:
            return "JSON " + ", ".join(column.name for column in chosen)
        return ", ".join(self._selected(column) for column in chosen)

    def _selected(self, column):
        values_of = self.table.static + self.table.regular
        chance = self.random.random()
        if column in values_of and not self.table.is_counter and chance < 0.35:
            return f"{self.random.choice(['writetime', 'ttl'])}({column.name})"
        if column.type.kind == "user" and chance < 0.5:
            return f"{column.name}.{self.random.choice(column.type.fields)}"
        if column.type.kind in ("set", "map") and chance < 0.6:
            return f"{column.name}[{values.literal(self.random, column.type.inner[0])}]"
        if column in self.table.partition and chance < 0.2:
            return f"token({', '.join(one.name for one in self.table.partition)})"
        return column.name

    def _several(self):
        column = self.table.partition[-1]
        head = [f"{one.name} = {self._key(one)}" for one in self.table.partition[:-1]]
        several = f"{column.name} IN ({', '.join(self.table.domains[column.name])})"
        return [*head, several, *self._clustering()], False

    def _where(self):
        """(restrictions, whether they name one partition)."""
        kind = self.random.random()
        if kind < 0.25:
            return self._others(), False
        if kind < 0.4:
            names = ", ".join(column.name for column in self.table.partition)
            operator = self.random.choice(SLICES)
            literals = ", ".join(map(self._key, self.table.partition))
            return [f"token({names}) {operator} token({literals})"] + self._others(), False
        head = [f"{one.name} = {self._key(one)}" for one in self.table.partition]
        return head + self._clustering() + self._others(), True

    def _clustering(self):
        columns = self.table.clustering
        if not columns or self.random.random() < 0.3:
            return []
        kind = self.random.choice(["equal", "in", "slice", "slices", "tuple", "tuples"])
        if kind in ("tuple", "tuples"):
            return self._tuples(kind)
        depth = self.random.randrange(len(columns))
        found = [f"{column.name} = {self._key(column)}" for column in columns[:depth]]
        column = columns[depth]
        if kind == "equal":
            return [*found, f"{column.name} = {self._key(column)}"]
        if kind == "in":
            return [*found, f"{column.name} IN ({self._key(column)}, {self._key(column)})"]
        operators = [self.random.choice(SLICES)] if kind == "slice" else \
            [self.random.choice([">", ">="]), self.random.choice(["<", "<="])]
        return found + [f"{column.name} {operator} {self._key(column)}" for operator in operators]

    def _tuples(self, kind):
        """A restriction of all clustering columns together."""
        columns = self.table.clustering
        names, point = ", ".join(one.name for one in columns), lambda: f"({', '.join(map(self._key, columns))})"
        if kind == "tuple":
            return [f"({names}) {self.random.choice([*SLICES, '='])} {point()}"]
        return [f"({names}) IN ({point()}, {point()})"]

    def _others(self):
        """Restrictions that want filtering or an index."""
        if self.random.random() < 0.6:
            return []
        column = self.random.choice(self.table.columns())
        type = column.type
        if type.kind in ("list", "set", "map") and self.random.random() < 0.8:
            if type.kind == "map" and self.random.random() < 0.5:
                key, value = (values.literal(self.random, inner) for inner in type.inner)
                return [self.random.choice([f"{column.name} CONTAINS KEY {key}", f"{column.name}[{key}] = {value}"])]
            return [f"{column.name} CONTAINS {values.literal(self.random, type.inner[-1])}"]
        literal = self._key(column) if column.name in self.table.domains else values.literal(self.random, type)
        return [f"{column.name} {self.random.choice(['=', '=', *SLICES])} {literal}"]

    def _order(self):
        columns = self.table.clustering
        if not columns:
            return ""
        flip = self.random.random() < 0.7
        ordered = columns[:self.random.randint(1, len(columns))]
        return " ORDER BY " + ", ".join(f"{one.name} {'DESC' if one.descending != flip else 'ASC'}" for one in ordered)

    def _limits(self):
        per_partition = f" PER PARTITION LIMIT {self.random.randint(1, 3)}" if self.random.random() < 0.15 else ""
        return per_partition + (f" LIMIT {self.random.randint(1, 6)}" if self.random.random() < 0.25 else "")
