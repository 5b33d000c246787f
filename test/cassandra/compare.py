"""Two lists of answers beside each other: what is equal, what differs on purpose, and what differs."""
import collections

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

    def others_by_file(self):
        return collections.Counter(file for file, *_ in self.others)
