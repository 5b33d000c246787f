"""Random queries of a table, with every clause."""
import values
from keys import SLICES, Keys

PAGES = [0, 0, 1, 2, 3, 5]


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
