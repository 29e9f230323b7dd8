"""ccxt.pro on USD-M futures, unmodified but for base URLs and key: market data on
the venue's routes, and the account's own events by a stream key."""

import asyncio
import json
import sys

import ccxt.pro

from sockets import FAILED, pointed, raises, step
from steps import API_KEY, API_SECRET

MARKET = "BTC/USDT:USDT"


async def main():
    exchange = ccxt.pro.binanceusdm({"apiKey": API_KEY, "secret": API_SECRET})
    exchange.urls["api"] = pointed(exchange.urls["api"])
    await step("load markets", exchange.load_markets)
    book = await step("watch order book", lambda: exchange.watch_order_book(MARKET))
    last = book["bids"][0][0]
    amount = float(exchange.amount_to_precision(MARKET, 400 / last))
    below = float(exchange.price_to_precision(MARKET, last * 0.99))

    # The account's own events, while orders come and go.
    orders = asyncio.ensure_future(exchange.watch_orders(MARKET))
    trades = asyncio.ensure_future(exchange.watch_my_trades(MARKET))
    balances = asyncio.ensure_future(exchange.watch_balance())

    async def position():
        # The first word is the snapshot, before anything was bought.
        while not (held := await exchange.watch_positions([MARKET])):
            pass
        return held

    positions = asyncio.ensure_future(position())
    await asyncio.sleep(2)
    order = await step("place", lambda: exchange.create_order_ws(MARKET, "limit", "buy", amount, below))
    seen = await step("watch orders", lambda: orders)
    assert order["id"] in [one["id"] for one in seen], seen
    await step("cancel", lambda: exchange.cancel_order_ws(order["id"], MARKET))
    bought = await step("market order", lambda: exchange.create_order_ws(MARKET, "market", "buy", amount))
    mine = await step("watch my trades", lambda: trades)
    assert bought["id"] in [one["order"] for one in mine], mine
    await step("watch balance", lambda: balances)
    held = await step("watch positions", lambda: positions)
    assert held[0]["contracts"] > 0, held
    await step(
        "keep alive",
        lambda: exchange.fapiPrivatePutListenKey(),
    )
    await raises(
        "over the limit",
        ["InvalidOrder"],
        -2010,
        lambda: exchange.create_order_ws(MARKET, "limit", "buy", amount * 50, below),
    )
    await raises(
        "leverage",
        ["AuthenticationError"],
        -1002,
        lambda: exchange.set_leverage(20, MARKET),
    )
    await exchange.close()
    print(json.dumps({"failed": FAILED}), flush=True)
    sys.exit(1 if FAILED else 0)


asyncio.run(main())
