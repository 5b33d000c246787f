"""Habits that are not yet kept everywhere. Today's figures stand in ratchets.json and may only fall (of tests to code:
only rise). `./x lint` compares; `./x lint --record` writes down what has become better.
"""
import collections
import functools
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "tools" / "ratchets.json"
CODE = (".h", ".cc")
FILE_LINES_MAX = 500
CLASS_LINES_MAX = 300
COMMENT_COLUMNS_MAX = 100
DUPLICATE_LINES = 8
SHOWN_MAX = 12


class Source:
    """One file: its text, and where it belongs."""

    def __init__(self, path):
        self.name = str(path.relative_to(ROOT))
        self.suffix = path.suffix
        self.lines = path.read_text(encoding="utf-8").splitlines()
        parts = pathlib.Path(self.name).parts
        self.library = parts[1] if parts[0] == "src" else None
        self.is_test = parts[0] == "test" or "test" in parts[2:] or "fuzz" in parts[2:]
        self.is_public = "include" in parts and parts[0] == "src"

    @functools.cached_property
    def bare(self):
        """The text without comments and without what is in quotes, line for line."""
        quoted = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
        return quoted.sub(lambda m: "\n" * m.group().count("\n") if m.group().startswith("/") else '""',
                          re.sub(r"(?<=\d)'(?=\d)", "", "\n".join(self.lines)))


# Each ratchet gives its offences: (how much, what to say of it).

def long_files(sources):
    for source in sources:
        if source.suffix in CODE and len(source.lines) > FILE_LINES_MAX:
            yield len(source.lines) - FILE_LINES_MAX, f"{source.name}: {len(source.lines)} lines, at most {FILE_LINES_MAX}"


def long_classes(sources):
    head = re.compile(r"^[ \t]*(?:template[^;{}]*?)?(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?([\w:]+)[^;{}()=]*\{", re.MULTILINE)
    for source in sources:
        if source.suffix not in CODE:
            continue
        for match in head.finditer(source.bare):
            depth, at = 1, match.end()
            for brace in re.finditer(r"[{}]", source.bare[match.end():]):
                depth += 1 if brace.group() == "{" else -1
                if depth == 0:
                    at += brace.start()
                    break
            lines = source.bare.count("\n", match.end(), at) - 1
            if lines > CLASS_LINES_MAX:
                yield lines - CLASS_LINES_MAX, f"{source.name}: {match.group(1)} has {lines} lines, at most {CLASS_LINES_MAX}"


def wide_comments(sources):
    for source in sources:
        fenced = False
        for number, line in enumerate(source.lines, 1):
            text = line.strip()
            fenced ^= source.suffix == ".md" and text.startswith("```")
            prose = not fenced and not text.startswith("|") if source.suffix == ".md" else \
                text.startswith("//") if source.suffix in CODE else text.startswith("#")
            if prose and len(line) > COMMENT_COLUMNS_MAX:
                yield 1, f"{source.name}:{number}: {len(line)} columns, at most {COMMENT_COLUMNS_MAX}"


def silent_sources(sources):
    """A source may leave it to its own header, which it includes first."""
    opens = {source.name: source.lines[0].startswith("//") for source in sources if source.suffix in CODE}
    for source in sources:
        if source.suffix not in CODE or opens[source.name]:
            continue
        header = re.sub(r"\.cc$", ".h", source.name)
        folder, _, name = header.rpartition("/")
        public = f"{folder}/include/sagitta/{source.library or 'bench'}/{name}"
        if not (opens.get(header) or opens.get(public)):
            yield 1, f"{source.name}: does not open with what it is for"


def uncalled_names(sources):
    """Names of public headers that only tests mention."""
    word = re.compile(r"[A-Za-z_]\w*")
    declared = re.compile(r"(?<!<)\b(?:class|struct)\s+(?:\[\[\w+\]\]\s*)?(\w+)[^;(){}<>]*\{"
                          r"|[\w>&*\]] [&*]?(?<!return )([a-z]\w+)\((?![*])|\bconstexpr\b[^;=]*?\b(k[A-Z]\w*)\s*=")
    definition = re.compile(r"^[\w:<>,&*\[\] ]*?\b(?:\w+::)*(\w+)\(")
    uses = collections.Counter()
    for source in sources:
        if source.suffix not in CODE or source.is_test:
            continue
        for line in source.bare.splitlines():
            found = word.findall(line)
            if source.suffix == ".cc" and line[:1].strip() and (match := definition.match(line)):
                found.remove(match.group(1))
            uses.update(found)
    for source in sources:
        if not source.is_public:
            continue
        names = collections.Counter()
        for match in declared.finditer(re.sub(r"^#.*(?:(?<=\\)\n.*)*", "", source.bare, flags=re.MULTILINE)):
            names[next(filter(None, match.groups()))] += 1
        for name, times in names.items():
            if uses[name] <= times and name not in ("if", "for", "while", "switch", "return", "sizeof", "operator"):
                yield 1, f"{source.name}: '{name}' has no caller outside tests"


def duplicates(sources):
    """Runs of lines that two libraries both have. Blanks, comments, includes and lone brackets do not count."""
    places = collections.defaultdict(list)
    for source in sources:
        if source.library is None or source.is_test or source.suffix not in CODE:
            continue
        lines = [(n, re.sub(r"\s+", " ", line.strip())) for n, line in enumerate(source.lines, 1)]
        lines = [(n, t) for n, t in lines if len(t) > 3 and not t.startswith(("//", "#", "namespace ", "}  // namespace"))]
        for at in range(len(lines) - DUPLICATE_LINES + 1):
            window = lines[at:at + DUPLICATE_LINES]
            places[tuple(text for _, text in window)].append((source.library, source.name, at, window[0][0]))
    followed = set()
    for found in places.values():
        first = found[0]
        for other in found[1:]:
            if other[0] == first[0]:
                continue
            # A run that goes on from the line before has been counted there.
            if (first[1], first[2] - 1, other[1], other[2] - 1) not in followed:
                yield 1, f"{first[1]}:{first[3]} and {other[1]}:{other[3]}: the same {DUPLICATE_LINES} lines or more"
            followed.add((first[1], first[2], other[1], other[2]))


RATCHETS = {
    "lines over the limit of a file": long_files,
    "lines over the limit of a class": long_classes,
    "comment and doc lines over 100 columns": wide_comments,
    "sources that do not open with what they are for": silent_sources,
    "public names without a caller outside tests": uncalled_names,
    "runs of 8 lines that two libraries both have": duplicates,
}


def tests_to_code(sources):
    """Lines of tests for one line of code, by library; "all" has the tests that cross libraries too."""
    tests, code = collections.Counter(), collections.Counter()
    for source in sources:
        if source.suffix not in (*CODE, ".py", ".test", ".js") or not (source.library or source.is_test):
            continue
        lines = sum(bool(line.strip()) for line in source.lines)
        for key in ("all", source.library):
            (tests if source.is_test else code)[key] += lines
    return {key: round(tests[key] / code[key] - 0.0049, 2) for key in sorted(filter(None, code))}


def measure(files):
    sources = [Source(file) for file in files]
    offences = {name: sorted(find(sources), reverse=True) for name, find in RATCHETS.items()}
    return offences, tests_to_code(sources)


def compare(offences, ratios, record):
    problems = []
    for name, found in offences.items():
        now, limit = sum(weight for weight, _ in found), record.get(name, 0)
        if now > limit:
            problems.append(f"{name}: {now}, at most {limit}; mend as many as you added (all: ./x lint --offences):")
            problems += [f"  {text}" for _, text in found[:SHOWN_MAX]]
        elif now < limit:
            print(f"{name}: {now}, and {limit} is recorded; hold it with ./x lint --record")
    for library, limit in record["tests to code"].items():
        if ratios.get(library, limit) < limit:
            problems.append(f"tests to code of {library}: {ratios[library]}, at least {limit}: the new code has too few tests")
    return problems


def check(files):
    return compare(*measure(files), json.loads(RECORD.read_text()))


def save(files):
    """Takes over what has become better; what has become worse is changed by hand, where reviewers see it."""
    offences, ratios = measure(files)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"tests to code": {}}
    for name, found in offences.items():
        now = sum(weight for weight, _ in found)
        record[name] = min(now, record.get(name, now))
    known = record["tests to code"]
    record["tests to code"] = {library: max(ratio, known.get(library, 0)) for library, ratio in ratios.items()}
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


def show(files):
    offences, ratios = measure(files)
    for name, found in offences.items():
        print(f"{name}: {sum(weight for weight, _ in found)}")
        for _, text in found:
            print("  " + text)
    print("tests to code: " + ", ".join(f"{library} {ratio}" for library, ratio in ratios.items()))
