"""An answer as it is compared and recorded: a dictionary of texts. Words stand for what no two runs share, such as the
time of day."""
import re
import struct
import time

import wire

DAY = 86400
UUID_EPOCH = 0x01B21DD213814000
NULL, EMPTY, NOW, RANDOM = "-", "''", "now", "random"
# What a TTL is rounded up to: that of a test, and that of a random run, which lasts longer.
ABOUT_TTL, ABOUT_LONG_TTL = 10, 1000
# Columns that tell of the node, not of the statement.
OF_THE_NODE = ("range_ownership", "host_id")
PREPARED_ID = re.compile(r"(?<=Prepared query with ID )[0-9a-f]{32}")
NODE_ADDRESS = re.compile(r"(?<= from /)[\d.]+:\d+")
# In what DESCRIBE … WITH INTERNALS shows: a table's id, and when a column was dropped.
OF_THE_DAY = re.compile(rb"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b\d{16}\b")


def _is_now(seconds):
    return abs(seconds - time.time()) < 2 * DAY


def _masked_uuid(cell, text):
    version = cell[6] >> 4
    if version == 1:
        low, mid, high = struct.unpack(">IHH", cell[:8])
        return NOW if _is_now(((high & 0xFFF) << 48 | mid << 32 | low) / 1e7 - UUID_EPOCH / 1e7) else None
    return RANDOM if version == 4 and re.search(r"\buuid\(\)|\bsystem", text, re.IGNORECASE) else None


def _masked(name, kind, cell, text):
    """The word that stands for a cell, or None."""
    if name in OF_THE_NODE:
        return RANDOM
    if name == "create_statement":
        return OF_THE_DAY.sub(NOW.encode(), cell).hex()
    if kind == "bigint" and len(cell) == 8:
        return NOW if _is_now(struct.unpack(">q", cell)[0] / 1e6) else None
    if kind == "timestamp" and len(cell) == 8:
        return NOW if _is_now(struct.unpack(">q", cell)[0] / 1e3) else None
    if kind in ("uuid", "timeuuid") and len(cell) == 16:
        return _masked_uuid(cell, text)
    if kind == "date" and len(cell) == 4:
        return NOW if _is_now((struct.unpack(">I", cell)[0] - 2**31) * DAY) else None
    if kind == "int" and name.startswith("ttl("):
        seconds = struct.unpack(">i", cell)[0]
        about = ABOUT_TTL if seconds < 100 * ABOUT_TTL else ABOUT_LONG_TTL
        return f"<={-(-seconds // about) * about}"
    return None


def _cell(name, type, cell, text):
    if cell is None:
        return NULL
    return _masked(name, type.kind, cell, text) or cell.hex() or EMPTY


def _row(columns, cells, text):
    return " ".join(_cell(name, type, cell, text) for name, type, cell in zip(columns.names, columns.types, cells))


def of_rows(results, text):
    """Of the pages of one statement, whose text is `text`. An empty page that ends several does not count."""
    columns = results[0].columns
    if len(results) > 1 and not results[-1].rows:
        results = results[:-1]
    pages = [[_row(columns, cells, text) for cells in result.rows] for result in results]
    answer = {"columns": columns.described(), "of": columns.table, "pages": pages}
    return _with_warnings(answer, results)


def of_result(result):
    """Of anything but rows."""
    if result.kind == wire.ERROR:
        text = NODE_ADDRESS.sub("ADDRESS", PREPARED_ID.sub("ID", result.text))
        answer = {"error": f"{result.code:#06x} {text}"}
    elif result.kind == wire.PREPARED:
        answer = {"markers": result.markers.described(), "columns": result.columns.described()}
    else:
        answer = {"ok": result.text}
    return _with_warnings(answer, [result])


def _with_warnings(answer, results):
    warnings = [warning for result in results for warning in result.warnings]
    return {**answer, "warnings": warnings} if warnings else answer


def without_order(answer):
    """Rows that may come in any order, put into one; pages then do not count."""
    if "pages" not in answer:
        return answer
    return {**answer, "pages": [sorted(row for page in answer["pages"] for row in page)]}


def _readable(kind, cell):
    plain = {"int": 4, "bigint": 8, "smallint": 2, "tinyint": 1, "counter": 8}
    if not re.fullmatch("(?:[0-9a-f]{2})+", cell):
        return {NULL: "null"}.get(cell, cell)
    data = bytes.fromhex(cell)
    if plain.get(kind) == len(data):
        return str(int.from_bytes(data, "big", signed=True))
    if kind in ("text", "ascii"):
        return repr(data.decode(errors="replace"))
    return "0x" + cell


def rendered(answer):
    """As lines for people."""
    lines = [f"warning: {warning}" for warning in answer.get("warnings", ())]
    lines += [f"{word}: {answer[word]}".rstrip(": ") for word in ("ok", "error", "script") if word in answer]
    lines += [f"markers: {' | '.join(answer['markers'])}"] if "markers" in answer else []
    lines += [f"columns of {answer.get('of', '')}: {' | '.join(answer['columns'])}"] if "columns" in answer else []
    kinds = [column.rpartition(" ")[2] for column in answer.get("columns", ())]
    for number, page in enumerate(answer.get("pages", ())):
        lines += ["---"] if number else []
        lines += [" | ".join(map(_readable, kinds, row.split(" "))) for row in page] or ["no rows"]
    return [line.replace("\n", "\\n") for line in lines]
