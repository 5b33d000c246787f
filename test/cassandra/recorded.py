"""Cassandra's answers as they are kept under recorded/, and the differences from them that wait to be mended."""
import datetime
import json
import pathlib

import answer
import script
from session import Session

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "recorded"
GAPS = HERE / "known_gaps.txt"
CQL = HERE.parent / "cql"


def test_files(names=()):
    """All files of test/cql, or those of these names, with or without folder and suffix."""
    return [CQL / f"{pathlib.Path(name).stem}.test" for name in names] or sorted(CQL.glob("*.test"))


def answers(file, port, **options):
    """What the server at `port` answers to a file."""
    return answers_to(script.parse(file.read_text()), port, **options)


def answers_to(paragraphs, port, **options):
    """A list of [key, answer]."""
    session = Session(port, **options)
    try:
        return [[key, answer.without_order(found) if paragraph.any_order else found]
                for key, paragraph, found in session.run(paragraphs)]
    finally:
        session.close()


def version(port):
    session = Session(port)
    try:
        return session.ask_rows("SELECT release_version FROM system.local")[0][0].decode()
    finally:
        session.close()


def path_of(file):
    return FOLDER / f"{file.stem}.json"


def save(file, found, release):
    lines = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in found)
    head = json.dumps({"cassandra": release, "recorded": str(datetime.date.today())})[:-1]
    FOLDER.mkdir(exist_ok=True)
    path_of(file).write_text(f'{head}, "answers": [\n{lines}\n]}}\n')


def load(file):
    """What is kept of a file, or None."""
    path = path_of(file)
    return json.loads(path.read_text())["answers"] if path.exists() else None


def gaps():
    """(file, key) of each known gap."""
    if not GAPS.exists():
        return set()
    return {tuple(line.split(": ", 1)) for line in GAPS.read_text().splitlines() if line and not line.startswith("#")}


def save_gaps(others):
    lines = dict.fromkeys(f"{file}: {key}" for file, key, *_ in others)
    GAPS.write_text("# Statements whose answers are to become Cassandra's; ./x test cassandra --gaps writes them.\n"
                    + "".join(f"{line}\n" for line in lines))
