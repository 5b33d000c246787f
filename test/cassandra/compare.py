"""Two lists of answers beside each other: what is equal, what differs on purpose, and what differs."""
import collections
import re

import answer
from deliberate import Deliberate

LINES_SHOWN, COLUMNS_SHOWN = 12, 300


def show(file, key, ours, theirs):
    print(f"-- {file}: {key[:COLUMNS_SHOWN]}")
    for name, one in (("sagitta", ours), ("cassandra", theirs)):
        lines = answer.rendered(one)
        for line in lines[:LINES_SHOWN]:
            print(f"   {name:10s} {line[:COLUMNS_SHOWN]}")
        if len(lines) > LINES_SHOWN:
            print(f"   {name:10s} … {len(lines) - LINES_SHOWN} lines more")


def cause(ours, theirs):
    """One line for differences of one kind: both errors, names and numbers masked, or in what rows differ."""
    both = {**ours, **theirs}
    if "pages" in ours and "pages" in theirs:
        return f"rows / rows: {_of_rows(ours, theirs)}"
    if ours.keys() == theirs.keys() and "error" not in both:
        return f"other {', '.join(word for word in both if ours[word] != theirs[word])}"
    return f"{_kind(ours)} / {_kind(theirs)}"


def _of_rows(ours, theirs):
    if ours.get("warnings") != theirs.get("warnings"):
        return "other warnings"
    if ours["columns"] != theirs["columns"]:
        return "other columns"
    mine, others = ([row for page in one["pages"] for row in page] for one in (ours, theirs))
    if mine == others:
        return "other pages" if ours["of"] == theirs["of"] else "of another table"
    if sorted(mine) == sorted(others):
        return "another order"
    if len(mine) != len(others):
        return "fewer" if len(mine) < len(others) else "more"
    pairs = zip(ours["columns"] * len(mine), " ".join(mine).split(" "), " ".join(others).split(" "))
    kinds = {column.partition(" ")[2] for column, a, b in pairs if a != b}
    return f"other values of {', '.join(sorted(kinds))}"


def _kind(one):
    if "error" not in one:
        return next(word for word in ("ok", "markers", "columns", "script") if word in one)
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\([^()]*\)|\b\w*\d\w*\b", "_", one["error"].partition(" ")[2])
    return f"{one['error'][:6]} {text}"


class Comparison:
    """Counts over files. `others`: (file, key, ours, theirs) of what differs and is not deliberate."""

    def __init__(self):
        self.deliberate = Deliberate()
        self.compared = self.equal = 0
        self.others = []

    def add(self, file, ours, theirs):
        """Of one file's lists of (key, answer); returns what `others` gained."""
        before = len(self.others)
        if [key for key, _ in ours] != [key for key, _ in theirs]:
            self.others.append((file, "the statements that were run", {"ok": str(len(ours))}, {"ok": str(len(theirs))}))
            return self.others[before:]
        for (key, our), (_, their) in zip(ours, theirs):
            self.compared += 1
            if our == their and "script" not in our:
                self.equal += 1
            elif not self.deliberate.recognise(file, key, answer.rendered(our), answer.rendered(their)):
                self.others.append((file, key, our, their))
        return self.others[before:]

    def total(self):
        """The closing line."""
        seen = self.deliberate.seen
        ids = ", ".join(f"{id} {count}" for id, count in sorted(seen.items()))
        return (f"{self.compared} statements compared: {self.equal} equal, {seen.total()} deliberately different"
                f"{f' ({ids})' if ids else ''}, {len(self.others)} others")

    def causes(self):
        """How many of `others` have one cause, most first."""
        return collections.Counter(cause(ours, theirs) for _, _, ours, theirs in self.others).most_common()
