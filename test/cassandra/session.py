"""Steps to requests on one connection, and answers to dictionaries. One session is one file: its keyspace is `ks`."""
import struct
import time

import answer
import script
import wire
from bare import BATCH, EXECUTE, PREPARE, QUERY, Connection, frame, short

TIMEOUT_SECONDS = 60
INDEX_SECONDS = 20
KEYSPACE = "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
PAGES_MAX = 1000


class ScriptError(Exception):
    """The file's own fault: a value that does not fit a marker, a name that was never prepared."""


class Session:
    """`restart` restarts the server where the file asks for it; without it such a step does nothing. `waits`: whether
    time that is to pass is waited for; if not, a file ends there."""

    def __init__(self, port, restart=None, waits=True):
        self.port, self.restart, self.waits = port, restart, waits
        self.keyspace, self.texts, self.prepared, self.last_timestamp = "", {}, {}, 0
        self.connect()
        self.drop_keyspaces()
        self._must(KEYSPACE)
        self._must("USE ks")
        self.keyspace = "ks"

    def connect(self):
        self.connection = Connection(self.port, 4, timeout=TIMEOUT_SECONDS)
        self.prepared = {}
        if self.keyspace:
            self._must(f'USE "{self.keyspace}"')

    def close(self):
        self.connection.socket.close()

    def drop_keyspaces(self):
        for cells in self.ask_rows("SELECT keyspace_name FROM system_schema.keyspaces"):
            name = cells[0].decode()
            if not name.startswith("system"):
                self._must(f'DROP KEYSPACE "{name}"')

    def ask_rows(self, text):
        """The raw cells of a SELECT that must succeed."""
        return self._must(text).rows

    def run(self, paragraphs):
        """Yields (key, paragraph, answer) of every statement; the key is its text and settings in one line."""
        for paragraph in paragraphs:
            if paragraph.skip:
                continue
            if paragraph.batch:
                yield self._key(paragraph, paragraph.steps, None), paragraph, self._batch(paragraph)
                continue
            for step in paragraph.steps:
                if step.kind in ("advance", "restart", "crash"):
                    if not self._act(step):
                        return
                    continue
                for values in step.values or [None]:
                    yield self._key(paragraph, [step], values), paragraph, self._answer(step, values)

    def _key(self, paragraph, steps, values):
        parts = [f"batch: {paragraph.batch}"] if paragraph.batch else []
        for step in steps:
            shown = script.settings_of(step)
            if values is not None:
                shown = [f"values: {', '.join(values)}"] + [line for line in shown if not line.startswith("values:")]
            parts += [*shown, f"execute: {step.text}" if step.kind == "execute" else step.text]
        return " ".join(" ".join(parts).split())

    def _act(self, step):
        if step.kind == "advance":
            if self.waits:
                time.sleep(script.seconds(step.text))
            return self.waits
        if self.restart:
            self.close()
            self.restart()
            self.connect()
        return True

    def _answer(self, step, values):
        try:
            if step.prepare_as:
                return self._prepare_as(step)
            return self._patient(lambda: self._pages(step, values))
        except ScriptError as error:
            return {"script": str(error)}

    def _patient(self, ask):
        """An index is built aside: a query that comes before it is ready is asked again."""
        deadline = time.monotonic() + INDEX_SECONDS
        while True:
            found = ask()
            error = found.get("error", "")
            waiting = "is not yet available" in error or "still being constructed" in error
            if not waiting or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def _prepare_as(self, step):
        self.texts[step.prepare_as] = step.text
        result = self._prepare(step.text)
        self.prepared.pop(step.prepare_as, None)
        if result.kind == wire.PREPARED:
            self.prepared[step.prepare_as] = result
        return answer.of_result(result)

    def _pages(self, step, values):
        results, paging_state = [], None
        while len(results) < PAGES_MAX:
            result = self._ask_step(step, values, paging_state)
            if result.kind != wire.ROWS:
                self._follow(result)
                return answer.of_result(result)
            results.append(result)
            paging_state = result.columns.paging_state
            if paging_state is None:
                return answer.of_rows(results, step.text)
        return {"script": f"more than {PAGES_MAX} pages"}

    def _ask_step(self, step, values, paging_state):
        timestamp = step.timestamp if step.timestamp is not None else self._timestamp()
        options = dict(page=step.page, paging_state=paging_state)
        if step.kind == "statement" and values is None:
            head = wire.packed(step.text.encode())
            return self._ask(QUERY, head + wire.parameters(step.consistency, timestamp, **options))
        prepared = self._prepared(step)
        if prepared.kind != wire.PREPARED:
            return prepared
        bound = self._bind(prepared.markers.types, values or [])
        return self._ask(EXECUTE, short(prepared.id) + wire.parameters(step.consistency, timestamp, bound, **options))

    def _prepared(self, step):
        if step.kind == "statement":
            return self._prepare(step.text)
        if step.text not in self.texts:
            raise ScriptError(f"nothing is prepared as {step.text}")
        if step.text not in self.prepared:
            self.prepared[step.text] = self._prepare(self.texts[step.text])
        return self.prepared[step.text]

    def _batch(self, paragraph):
        try:
            items = []
            for step in paragraph.steps:
                bound = step.values[0] if step.values else []
                prepared = self._prepared(step) if bound or step.kind == "execute" else None
                if prepared and prepared.kind != wire.PREPARED:
                    return answer.of_result(prepared)
                item = (prepared.id, self._bind(prepared.markers.types, bound)) if prepared else (step.text, [])
                items.append(item)
        except ScriptError as error:
            return {"script": str(error)}
        last = paragraph.steps[-1]
        timestamp = last.timestamp if last.timestamp is not None else self._timestamp()
        result = self._ask(BATCH, wire.batch_body(paragraph.batch, items, last.consistency, timestamp))
        return answer.of_rows([result], last.text) if result.kind == wire.ROWS else answer.of_result(result)

    def _bind(self, types, literals):
        if len(literals) > len(types):
            raise ScriptError("more values than markers")
        pairs = zip(types, literals)
        return [wire.UNSET if literal == "unset" else self._evaluate(type, literal) for type, literal in pairs]

    def _evaluate(self, type, literal):
        """The bytes of a literal. The server itself reads it; the fields of user types one by one."""
        if literal == "null":
            return None
        if literal.startswith("raw "):
            return bytes.fromhex(literal[len("raw 0x"):])
        if not type.has_user_type():
            return self.ask_rows(f"SELECT ({type.to_cast()}) {literal} FROM system.local")[0][0]
        parts = script.split_values(literal[1:-1])
        if type.fields:
            given = dict(part.split(": ", 1) for part in parts)
            return b"".join(wire.packed(self._evaluate(inner, given.get(name, "null")))
                            for name, inner in zip(type.fields, type.parameters))
        if type.kind not in ("list", "set"):
            raise ScriptError(f"no values of type {type}")
        elements = [wire.packed(self._evaluate(type.parameters[0], part)) for part in parts]
        return struct.pack(">i", len(parts)) + b"".join(elements)

    def _timestamp(self):
        """The time of day in microseconds, later with every request."""
        self.last_timestamp = max(self.last_timestamp + 1, time.time_ns() // 1000)
        return self.last_timestamp

    def _follow(self, result):
        if result.kind == wire.SET_KEYSPACE:
            self.keyspace = result.text

    def _prepare(self, text):
        return self._ask(PREPARE, wire.packed(text.encode()))

    def _ask(self, opcode, body):
        self.connection.send(frame(opcode, body))
        flags, _, opcode, body = self.connection.receive_frame()
        return wire.read_result(flags, opcode, body)

    def _must(self, text):
        result = self._ask(QUERY, wire.packed(text.encode()) + wire.parameters("ONE", self._timestamp()))
        if result.kind == wire.ERROR:
            raise ScriptError(f"{text}: {result.text}")
        return result
