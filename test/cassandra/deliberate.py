"""The deliberate differences of docs/compatibility.md: read from its tables, and recognised by their patterns."""
import collections
import fnmatch
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "compatibility.md"
RANDOM_RUNS = "seed *"
HEADER = ["id", "file", "statement", "answers", "why"]


def _cells(line):
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _pattern(cell):
    return re.compile(cell.strip("`"), re.IGNORECASE | re.MULTILINE)


class Deliberate:
    """What each id has recognised is counted in `seen`."""

    def __init__(self, page=PAGE):
        self.rows, self.seen = [], collections.Counter()
        in_table = False
        for line in page.read_text().splitlines():
            cells = _cells(line) if line.startswith("|") else []
            in_table = cells == HEADER or in_table and bool(cells)
            if in_table and cells != HEADER and not set(cells[0]) <= set("-:"):
                self.rows.append((cells[0], cells[1].strip("`"), _pattern(cells[2]), _pattern(cells[3])))
        assert self.rows, f"{page} lists no deliberate differences"

    def recognise(self, file, statement, ours, theirs):
        """The id of the difference that this is, or None. `ours` and `theirs`: the lines of both answers."""
        both = "\n".join([*(f"S {line}" for line in ours), *(f"C {line}" for line in theirs)])
        for id, files, statements, answers in self.rows:
            if fnmatch.fnmatch(file, files) and statements.search(statement) and answers.search(both):
                self.seen[id] += 1
                return id
        return None

    def unseen(self):
        """Ids of test files that have recognised nothing."""
        ids = dict.fromkeys(id for id, files, *_ in self.rows if files != RANDOM_RUNS)
        return [id for id in ids if id not in self.seen]
