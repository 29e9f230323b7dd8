"""ccxt.pro on WOO X, unmodified but for base URLs, key and application id: market
data, and the account's own events."""

import asyncio
import json
import sys

import ccxt.pro

from sockets import FAILED, SOCKETS, raises, step
from steps import API_KEY, API_SECRET, BASE_URL

MARKET = "BTC/USDT"


def exchange_with(secret):
    # The application id is the venue's; here any will do.
    exchange = ccxt.pro.woo({"apiKey": API_KEY, "secret": secret, "uid": "my-application"})
    for name, url in exchange.urls["api"].items():
        exchange.urls["api"][name] = BASE_URL if isinstance(url, str) else url
    exchange.urls["api"]["ws"] = {
        "public": f"{SOCKETS}/ws/stream",
        "private": f"{SOCKETS}/v2/ws/private/stream",
    }
    return exchange


async def main():
    exchange = exchange_with(API_SECRET)
    await step("load markets", exchange.load_markets)
    book = await step("watch order book", lambda: exchange.watch_order_book(MARKET))
    last = book["bids"][0][0]
    amount = float(exchange.amount_to_precision(MARKET, 400 / last))
    above = float(exchange.price_to_precision(MARKET, last * 1.005))
    below = float(exchange.price_to_precision(MARKET, last * 0.99))

    # The account's own events, while orders come and go.
    balances = await step("watch balance", exchange.watch_balance)
    assert balances["USDT"]["total"] > 0, balances
    orders = asyncio.ensure_future(exchange.watch_orders(MARKET))
    trades = asyncio.ensure_future(exchange.watch_my_trades(MARKET))
    await asyncio.sleep(1)
    order = await step("place", lambda: exchange.create_order(MARKET, "limit", "buy", amount, below))
    seen = await step("watch orders", lambda: orders)
    assert order["id"] in [one["id"] for one in seen], seen
    await step("cancel", lambda: exchange.cancel_order(order["id"], MARKET))
    bought = await step("taking order", lambda: exchange.create_order(MARKET, "limit", "buy", amount, above))
    mine = await step("watch my trades", lambda: trades)
    assert bought["id"] in [one["order"] for one in mine], mine
    await exchange.close()
    stranger = exchange_with("A" * len(API_SECRET))
    await stranger.load_markets()
    silent = asyncio.ensure_future(stranger.watch_balance())
    done, _ = await asyncio.wait([silent], timeout=2)
    if done and not silent.exception():
        FAILED.append("somebody without the secret heard the account")
    silent.cancel()
    await stranger.close()
    print(json.dumps({"failed": FAILED}), flush=True)
    sys.exit(1 if FAILED else 0)


asyncio.run(main())
