"""ccxt.pro on Binance spot, unmodified but for base URLs and key: market data,
orders over the WebSocket API, and the account's own events."""

import asyncio
import json
import sys

import ccxt.pro

from sockets import FAILED, pointed, raises, step
from steps import API_KEY, API_SECRET

MARKET = "BTC/USDT"


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
