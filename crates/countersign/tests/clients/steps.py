"""What every Python client script shares: one line of JSON a step, and a count.

Each script drives one unmodified client library through the gateway. The
environment names the gateway (`BASE_URL`) and the virtual key (`API_KEY`,
`API_SECRET`); nothing else is changed from the library's defaults.
"""

import json
import os
import sys
import traceback

BASE_URL = os.environ["BASE_URL"]
API_KEY = os.environ["API_KEY"]
API_SECRET = os.environ["API_SECRET"]
FAILED = []


def step(name, run):
    """Runs one step; a step that raises has failed, and the rest go on."""
    try:
        detail = run()
        print(json.dumps({"step": name, "ok": True, "detail": str(detail)[:200]}), flush=True)
        return detail
    except Exception as error:  # every failure of a client is a finding
        FAILED.append(name)
        traceback.print_exc()
        print(
            json.dumps({"step": name, "ok": False, "detail": f"{type(error).__name__}: {error}"[:600]}),
            flush=True,
        )
        return None


def raises(name, classes, code, run):
    """The step passes where `run` raises exactly one of `classes`, with `code`."""

    def check():
        try:
            answer = run()
        except Exception as error:
            if type(error).__name__ not in classes:
                raise AssertionError(f"raised {type(error).__name__}, wanted {classes}: {error}") from error
            text = str(error) + str(getattr(error, "code", "")) + str(getattr(error, "error_code", ""))
            text += str(getattr(error, "status_code", ""))
            assert str(code) in text, f"no {code} in {text}"
            return f"{type(error).__name__} {text}"
        raise AssertionError(f"was not refused: {answer}")

    return step(name, check)


def holds(condition, answer):
    """Asserts, and hands the answer on."""
    assert condition, f"unexpected answer: {str(answer)[:400]}"
    return answer


def close():
    """Exits 1 where a step failed."""
    print(json.dumps({"failed": FAILED}), flush=True)
    sys.exit(1 if FAILED else 0)
