"""Random schemas with random statements on both servers. A difference is shown with few of the writes before it."""
import random

import script
from compare import Comparison, cause, show
from queries import Reader
from recorded import answers_to
from schema import table
from writes import Writer

ROUNDS, WRITES, QUERIES = 6, 14, 14
TRIES_MAX, EXPLAINED_MAX = 40, 12


def steps_of(seed, indexes, lwt):
    """The paragraphs of one seed."""
    chance = random.Random(seed)
    made = table(chance, indexes)
    writer, reader = Writer(chance, made, lwt), Reader(chance, made)
    paragraphs = [script.Paragraph(steps=[script.Step(text=text)]) for text in made.ddl]
    for _ in range(ROUNDS):
        paragraphs += [writer.write() for _ in range(WRITES)] + [reader.query() for _ in range(QUERIES)]
    return paragraphs


def is_query(paragraph):
    return paragraph.steps[0].text.startswith("SELECT")


def is_write(paragraph):
    return not is_query(paragraph) and not paragraph.steps[0].text.startswith("CREATE")


def shrink(paragraphs, differs):
    """Fewer of the paragraphs, the last of which differs: writes are left out, many at a time, as long as it does."""
    kept = [paragraph for paragraph in paragraphs[:-1] if not is_query(paragraph)] + paragraphs[-1:]
    size, tries = len(kept) // 2, 0
    while size > 0 and tries < TRIES_MAX:
        at = 0
        while at < len(kept) - 1 and tries < TRIES_MAX:
            fewer = [p for n, p in enumerate(kept) if not (at <= n < at + size and n < len(kept) - 1 and is_write(p))]
            tries += 1
            if len(fewer) < len(kept) and differs(fewer):
                kept = fewer
            else:
                at += size
        size //= 2
    return kept


def explain(paragraphs, at, kind, server, node):
    """Prints a short script that ends with the difference of paragraph `at`, whose cause is `kind`."""

    def differs(some):
        ours, theirs = answers_to(some, server.port)[-1][1], answers_to(some, node.port)[-1][1]
        return ours != theirs and cause(ours, theirs) == kind

    ends = paragraphs[:at + 1]
    shortest = shrink(ends, differs) if differs([p for p in ends[:-1] if not is_query(p)] + ends[-1:]) else ends
    print("   the script:\n" + script.write([paragraph.steps[0] for paragraph in shortest]))


def _place(ours, theirs, other):
    pairs = zip(ours, theirs)
    return next(at for at, ((key, our), (_, their)) in enumerate(pairs) if (key, our, their) == other[1:])


def run(options, server, node):
    """Whether anything differs. The first difference of each cause is shown, and of some the shortest script."""
    flags = "".join(f" --{name}" for name in ("indexes", "lwt") if getattr(options, name))
    print(f"replay with: --random {options.random} --seed {options.seed}{flags}", flush=True)
    comparison, explained = Comparison(), set()
    for number in range(options.seed, options.seed + options.random):
        paragraphs = steps_of(number, options.indexes, options.lwt)
        ours, theirs = (answers_to(paragraphs, one.port) for one in (server, node))
        for other in comparison.add(f"seed {number}", ours, theirs):
            kind = cause(*other[2:])
            if kind in explained:
                continue
            explained.add(kind)
            show(*other)
            if len(explained) <= EXPLAINED_MAX:
                explain(paragraphs, _place(ours, theirs, other), kind, server, node)
    print("\n".join(f"{count:5d} × {kind}" for kind, count in comparison.causes()))
    print(comparison.total())
    return bool(comparison.others)
