"""What the scripts for ccxt.pro share: base URLs, and steps that wait."""

import asyncio
import json
import traceback

from steps import BASE_URL

FAILED = []
SOCKETS = BASE_URL.replace("http://", "ws://")


def pointed(urls):
    """The path stays the venue's own; only scheme and host change."""
    if isinstance(urls, dict):
        return {name: pointed(url) for name, url in urls.items()}
    path = urls.split("/", 3)[3] if urls.count("/") > 2 else ""
    futures = "fstream" if "//fstream." in urls else ""
    base = SOCKETS if urls.startswith("ws") else BASE_URL
    return "/".join(part for part in (base, futures, path) if part)


async def step(name, run, within=20):
    try:
        detail = await asyncio.wait_for(run(), within)
        print(json.dumps({"step": name, "ok": True, "detail": str(detail)[:160]}), flush=True)
        return detail
    except Exception as error:  # every failure of a client is a finding
        FAILED.append(name)
        traceback.print_exc()
        print(json.dumps({"step": name, "ok": False, "detail": f"{type(error).__name__}: {error}"[:600]}), flush=True)
        return None


async def raises(name, wanted, code, run):
    async def check():
        try:
            answer = await run()
        except Exception as error:
            assert type(error).__name__ in wanted, f"raised {type(error).__name__}: {error}"
            assert str(code) in str(error), error
            return error
        raise AssertionError(f"was not refused: {answer}")

    return await step(name, check)
