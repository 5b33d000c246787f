"""What the suites share: a check is a function; each prints one line, 'ok NAME' or 'FAIL NAME', and runs even if one before it failed."""
import argparse
import os
import sys
import time
import traceback

_checks = []


def check(function):
    _checks.append(function)
    return function


def run(*context):
    """Runs every check in the order of the file with `context`; ends the process with status 1 if one failed."""
    failed = 0
    for function in _checks:
        name = function.__name__.replace("_", " ")
        try:
            function(*context)
        except Exception:
            failed += 1
            print(f"FAIL {name}\n    " + traceback.format_exc().strip().replace("\n", "\n    "), flush=True)
        else:
            print(f"ok {name}", flush=True)
    sys.stdout.flush()
    # Drivers keep threads that may outlive a broken connection.
    os._exit(1 if failed else 0)


def arguments(**more):
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for name, default in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", default=default)
    return parser.parse_args()


def _ask_runner(request):
    """The runner owns the server; it answers with a line."""
    print(request, flush=True)
    sys.stdin.readline()


def restart_server():
    _ask_runner("@restart")


def crash_server():
    """Kills the server with SIGKILL and starts it again on the same data."""
    _ask_runner("@crash")


def raises(kind, function, *args, text=None):
    """The exception of class `kind` that function(*args) raises, its message holding `text`."""
    try:
        function(*args)
    except kind as error:
        assert text is None or text.lower() in str(error).lower(), f"'{text}' is not in: {error}"
        return error
    except Exception as error:
        raise AssertionError(f"expected {kind.__name__}, got {type(error).__name__}: {error}") from error
    raise AssertionError(f"expected {kind.__name__}, got an answer")


def eventually(function, seconds=15):
    """The first true result of function(), tried until it comes; its last failure otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            result = function()
            if result:
                return result
            failure = AssertionError(f"still {result!r} after {seconds} s")
        except Exception as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        time.sleep(0.1)


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"
