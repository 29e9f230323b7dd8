"""ccxt.pro (Python), unmodified: streams of both sockets, one line `ok NAME` a step."""

import asyncio
import os

import ccxt.pro


async def main():
    exchange = ccxt.pro.woo(
        {"apiKey": os.environ["API_KEY"], "secret": os.environ["API_SECRET"], "uid": os.environ["API_UID"]}
    )
    for name in ("pub", "public", "private"):
        exchange.urls["api"][name] = os.environ["BASE_URL"]
    exchange.urls["api"]["ws"] = {"public": os.environ["WS_PUBLIC"], "private": os.environ["WS_PRIVATE"]}
    try:
        await run(exchange)
    finally:
        await exchange.close()


async def step(name, run, holds):
    answer = await asyncio.wait_for(run, 60)
    assert holds(answer), f"{name}: {str(answer)[:800]}"
    print(f"ok {name}", flush=True)
    return answer


async def run(exchange):
    spot, swap = "BTC/USDT", "BTC/USDT:USDT"
    await exchange.load_markets()
    book = await step("order book", exchange.watch_order_book(spot), lambda a: a["bids"] and a["asks"])
    deltas = exchange.watch_order_book(swap, None, {"method": "orderbookupdate"})
    await step("order book by updates", deltas, lambda a: a["bids"] and a["asks"])
    await step("ticker", exchange.watch_ticker(spot), lambda a: a["close"] > 0)
    await step("trades", exchange.watch_trades(spot), lambda a: a[-1]["price"] > 0)
    await step("bids and asks", exchange.watch_bids_asks([spot]), lambda a: a[spot]["bid"] < a[spot]["ask"])
    below = float(exchange.price_to_precision(spot, book["bids"][0][0] * 0.97))

    async def both(watching, acting):
        watch = asyncio.ensure_future(watching)
        await asyncio.sleep(1)
        await acting
        return await watch

    placed = exchange.create_order(spot, "limit", "buy", 0.01, below)
    orders = await step("orders", both(exchange.watch_orders(spot), placed), lambda a: a[-1]["status"] == "open")
    number = orders[-1]["id"]

    async def cancelled():
        while True:
            for order in await exchange.watch_orders(spot):
                if order["id"] == number and order["status"] == "canceled":
                    return order

    await step("cancelled", both(cancelled(), exchange.cancel_order(number, spot)), lambda a: a["id"] == number)
    await step("balance", exchange.watch_balance(), lambda a: a["USDT"]["total"] > 0)
    bought = exchange.create_order(swap, "market", "buy", 0.01)
    await step("my trades", both(exchange.watch_my_trades(swap), bought), lambda a: a[-1]["amount"] == 0.01)


asyncio.run(main())
