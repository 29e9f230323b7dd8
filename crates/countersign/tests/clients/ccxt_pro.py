"""ccxt.pro on Binance spot, unmodified but for base URLs and key: market data,
orders over the WebSocket API, and the account's own events."""

import asyncio
import json
import sys
import traceback

import ccxt.pro

from steps import API_KEY, API_SECRET, BASE_URL

FAILED = []
MARKET = "BTC/USDT"
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


async def main():
    exchange = ccxt.pro.binance({"apiKey": API_KEY, "secret": API_SECRET})
    exchange.urls["api"] = pointed(exchange.urls["api"])
    await step("load markets", exchange.load_markets)
    book = await step("watch order book", lambda: exchange.watch_order_book(MARKET))
    last = book["bids"][0][0]
    amount = float(exchange.amount_to_precision(MARKET, 400 / last))
    below = float(exchange.price_to_precision(MARKET, last * 0.99))
    lower = float(exchange.price_to_precision(MARKET, last * 0.985))
    await step("balance", lambda: exchange.fetch_balance_ws())

    # The account's own events, while orders come and go.
    balances = asyncio.ensure_future(exchange.watch_balance())
    await asyncio.sleep(1)
    orders = asyncio.ensure_future(exchange.watch_orders(MARKET))
    trades = asyncio.ensure_future(exchange.watch_my_trades(MARKET))
    await asyncio.sleep(1)
    order = await step("place", lambda: exchange.create_order_ws(MARKET, "limit", "buy", amount, below))
    seen = await step("watch orders", lambda: orders)
    assert order["id"] in [one["id"] for one in seen], seen
    await step("watch balance", lambda: balances)
    await step("order by id", lambda: exchange.fetch_order_ws(order["id"], MARKET))
    opened = await step("open orders", lambda: exchange.fetch_open_orders_ws(MARKET))
    assert order["id"] in [one["id"] for one in opened]
    order = await step(
        "replace", lambda: exchange.edit_order_ws(order["id"], MARKET, "limit", "buy", amount, lower)
    )
    await step("cancel", lambda: exchange.cancel_order_ws(order["id"], MARKET))
    bought = await step("market order", lambda: exchange.create_order_ws(MARKET, "market", "buy", amount))
    mine = await step("watch my trades", lambda: trades)
    assert bought["id"] in [one["order"] for one in mine], mine
    await step("trades", lambda: exchange.fetch_my_trades_ws(MARKET))
    await step("orders", lambda: exchange.fetch_orders_ws(MARKET))
    await step("place again", lambda: exchange.create_order_ws(MARKET, "limit", "buy", amount, below))
    await step("cancel all", lambda: exchange.cancel_all_orders_ws(MARKET))
    await raises(
        "over the limit",
        ["InvalidOrder"],
        -2010,
        lambda: exchange.create_order_ws(MARKET, "limit", "buy", amount * 50, below),
    )
    await raises(
        "another market",
        ["AuthenticationError"],
        -1002,
        lambda: exchange.create_order_ws("ETH/USDT", "limit", "buy", 0.1, 1000),
    )
    # Many at once: answers find their frames.
    placed = await step(
        "ten at once",
        lambda: asyncio.gather(
            *[exchange.create_order_ws(MARKET, "limit", "buy", amount, below) for _ in range(10)]
        ),
    )
    assert len({one["id"] for one in placed}) == 10
    await step("cancel them", lambda: exchange.cancel_all_orders_ws(MARKET))
    await exchange.close()
    print(json.dumps({"failed": FAILED}), flush=True)
    sys.exit(1 if FAILED else 0)


asyncio.run(main())
