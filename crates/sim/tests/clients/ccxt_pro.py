"""ccxt.pro, unmodified: orders over the WebSocket API, and its streams."""

import asyncio
import json
import os

import ccxt.pro

base, ws = os.environ["BASE_URL"], os.environ["WS_URL"]


def step(name, value):
    print(json.dumps({"step": name, "value": value}, default=str), flush=True)


def client(kind, types):
    exchange = kind({
        "apiKey": os.environ["API_KEY"],
        "secret": os.environ["API_SECRET"],
        "enableRateLimit": False,
        "options": {"fetchMarkets": {"types": types}, "fetchCurrencies": False},
    })
    for section, url in list(exchange.urls["api"].items()):
        if isinstance(url, str) and "binance.com" in url:
            exchange.urls["api"][section] = base + "/" + url.split("/", 3)[3]
    sockets = exchange.urls["api"]["ws"]
    # "/stream" in the address is what tells ccxt that a stream is spot's.
    sockets["spot"] = ws + "/stream/ws"
    sockets["linear"] = ws + "/fstream/ws"
    sockets["ws-api"]["spot"] = ws + "/ws-api/v3"
    sockets["ws-api"]["linear"] = ws + "/ws-fapi/v1"
    return exchange


async def within(future, seconds=60):
    return await asyncio.wait_for(future, seconds)


async def market_data(exchange, symbol):
    book = await within(exchange.watch_order_book(symbol))
    assert book["bids"][0][0] < book["asks"][0][0]
    for _ in range(3):
        book = await within(exchange.watch_order_book(symbol))
    step("book", [symbol, book["nonce"]])
    ticker = await within(exchange.watch_ticker(symbol))
    assert ticker["last"] > 0, ticker
    step("ticker", ticker["last"])
    trades = await within(exchange.watch_trades(symbol))
    step("trades", len(trades))
    best = await within(exchange.watch_bids_asks([symbol]))
    assert best[symbol]["bid"] < best[symbol]["ask"]
    step("best", best[symbol]["bid"])


async def until(watch, wanted):
    while True:
        for order in await within(watch()):
            if wanted(order):
                return order


async def orders(exchange, symbol, amount, price):
    watching = asyncio.ensure_future(until(
        lambda: exchange.watch_orders(symbol), lambda order: order["status"] == "open"))
    balance = asyncio.ensure_future(within(exchange.watch_balance()))
    await asyncio.sleep(1)
    placed = await within(exchange.create_order_ws(symbol, "limit", "buy", amount, price))
    assert placed["status"] == "open", placed
    step("placed over the socket", placed["id"])
    told = await within(watching)
    assert told["id"] == placed["id"], told
    step("told of it", told["id"])
    if "swap" != exchange.market(symbol)["type"]:
        await within(balance)
        step("told of the balance", True)
    closing = asyncio.ensure_future(until(
        lambda: exchange.watch_orders(symbol), lambda order: order["status"] == "canceled"))
    await asyncio.sleep(0.2)
    await within(exchange.cancel_order_ws(placed["id"], symbol))
    gone = await within(closing)
    assert gone["id"] == placed["id"], gone
    step("told of its end", gone["id"])
    filling = asyncio.ensure_future(within(exchange.watch_my_trades(symbol)))
    await asyncio.sleep(0.5)
    bought = await within(exchange.create_order_ws(symbol, "market", "buy", amount))
    trades = await within(filling)
    assert trades[-1]["order"] == bought["id"], (trades, bought)
    step("told of the trade", trades[-1]["id"])
    if "swap" == exchange.market(symbol)["type"]:
        await within(balance)
        step("told of the balance", True)


async def main():
    spot = client(ccxt.pro.binance, ["spot"])
    futures = client(ccxt.pro.binanceusdm, ["linear"])
    try:
        await market_data(spot, "BTC/USDT")
        await orders(spot, "BTC/USDT", 0.01, 50000)
        balance = await within(spot.fetch_balance_ws())
        # This version of ccxt reads spot balances of the socket by the wrong shape.
        held = {row["asset"]: row["free"] for row in balance["info"]["balances"]}
        assert float(held["USDT"]) > 0, held
        open_orders = await within(spot.fetch_open_orders_ws("BTC/USDT"))
        assert open_orders == []
        step("read over the socket", held["USDT"])
        await market_data(futures, "BTC/USDT:USDT")
        mark = await within(futures.watch_mark_price("BTC/USDT:USDT"))
        step("mark price", mark["markPrice"])
        await orders(futures, "BTC/USDT:USDT", 0.01, 50000)
        positions = await within(futures.fetch_positions_ws(["BTC/USDT:USDT"]))
        assert positions[0]["contracts"] == 0.01, positions
        step("position over the socket", positions[0]["contracts"])
    finally:
        await spot.close()
        await futures.close()


asyncio.run(main())
