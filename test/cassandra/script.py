"""The files of test/cql taken apart: paragraphs of steps with their settings. What they expect is not read."""
import dataclasses

SETTINGS = ("values", "prepare", "page", "timestamp", "consistency", "batch", "any order", "skip")
ACTIONS = ("execute", "advance", "restart", "crash")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclasses.dataclass
class Step:
    line: int = 0
    kind: str = "statement"  # or one of ACTIONS
    text: str = ""
    values: list = dataclasses.field(default_factory=list)  # one run for each; none: one run without values
    prepare_as: str = ""
    consistency: str = "ONE"
    page: int = 0
    timestamp: int | None = None


@dataclasses.dataclass
class Paragraph:
    skip: bool = False
    batch: str = ""
    any_order: bool = False
    steps: list = dataclasses.field(default_factory=list)


def split_values(text):
    """At commas outside of quotes and brackets."""
    values, depth, quoted, begin = [], 0, False, 0
    for at, c in enumerate(text):
        quoted ^= c == "'"
        if quoted:
            continue
        depth += (c in "[{(") - (c in "]})")
        if c == "," and depth == 0:
            values.append(text[begin:at].strip())
            begin = at + 1
    return values + [text[begin:].strip()] if text.strip() else values


def seconds(text):
    """Of a time such as 10s."""
    digits = len(text) - len(text.lstrip("0123456789"))
    return int(text[:digits]) * UNITS[text[digits:].strip()]


def _directive(line, words):
    word, colon, rest = line.partition(":")
    return (word, rest.strip()) if colon and word in words else None


def _ends_step(line):
    return line.endswith(";") or _directive(line, ACTIONS) is not None


def _is_whole(statement):
    """A BATCH in CQL holds statements that end in semicolons of their own."""
    return statement.endswith("APPLY BATCH;" if statement.startswith("BEGIN ") else ";")


def _set(paragraph, step, word, rest):
    if word == "values":
        step.values.append(split_values(rest))
    elif word == "prepare":
        step.prepare_as = rest
    elif word == "consistency":
        step.consistency = rest
    elif word in ("page", "timestamp"):
        setattr(step, word, int(rest))
    elif word == "batch":
        paragraph.batch = rest
    elif word == "any order":
        paragraph.any_order = True
    elif word == "skip":
        paragraph.skip = True


def _paragraph(numbered):
    """Of (number, line) pairs; lines after the last step are its expectation."""
    paragraph, step, statement = Paragraph(), Step(), ""
    last = max((at for at, (_, line) in enumerate(numbered) if _ends_step(line)), default=-1)
    for number, line in numbered[:last + 1]:
        setting = None if statement else _directive(line, SETTINGS)
        action = None if statement else _directive(line, ACTIONS)
        if setting:
            _set(paragraph, step, *setting)
            continue
        step.line = step.line or number
        if action:
            step.kind, step.text = action
        else:
            statement = f"{statement}\n{line}" if statement else line
            if not _is_whole(statement):
                continue
            step.text = statement
        paragraph.steps.append(step)
        step, statement = Step(), ""
    return paragraph


def parse(text):
    """The paragraphs of a file's text."""
    paragraphs, numbered = [], []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        line = line.strip()
        if line and not line.startswith("#"):
            numbered.append((number, line))
        elif not line and numbered:
            paragraphs.append(_paragraph(numbered))
            numbered = []
    return [paragraph for paragraph in paragraphs if paragraph.steps]


def settings_of(step):
    """As a file writes them."""
    default = Step()
    lines = [f"values: {', '.join(values)}" for values in step.values]
    lines += [f"prepare: {step.prepare_as}"] if step.prepare_as else []
    lines += [f"{name}: {getattr(step, name)}" for name in ("consistency", "page", "timestamp")
              if getattr(step, name) != getattr(default, name)]
    return lines


def write(steps):
    """The text of a file with these steps, a paragraph for each."""
    return "\n".join("\n".join([*settings_of(step), step.text, ""]) for step in steps)
