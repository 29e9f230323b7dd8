"""ccxt, unmodified, on the paper futures: only URLs and keys are set."""

import json
import os
import sys

import ccxt

base = os.environ["BASE_URL"]
exchange = ccxt.binanceusdm({
    "apiKey": os.environ["API_KEY"],
    "secret": os.environ["API_SECRET"],
    "enableRateLimit": False,
    "options": {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False},
})
for section, url in list(exchange.urls["api"].items()):
    if isinstance(url, str) and "binance.com" in url:
        exchange.urls["api"][section] = base + "/" + url.split("/", 3)[3]

SYMBOL = "BTC/USDT:USDT"


def step(name, value):
    print(json.dumps({"step": name, "value": value}, default=str), flush=True)


# ccxt picks its table of errors by the venue's own host names, so refusals come
# as the base class here, and the code is what counts.
def refused(kind, code, call):
    try:
        call()
    except kind as error:
        assert str(code) in str(error), error
        return str(error)
    sys.exit("%s was not refused" % call)


exchange.load_markets()
market = exchange.market(SYMBOL)
assert market["linear"] and market["precision"]["price"] == 0.1, market["precision"]
step("markets", len(exchange.markets))

balance = exchange.fetch_balance()
start = balance["USDT"]["total"]
assert start == 100000, balance["USDT"]
step("balance", start)

book = exchange.fetch_order_book(SYMBOL, 5)
assert len(book["bids"]) == 5 and book["bids"][0][0] < book["asks"][0][0]
assert exchange.fetch_ticker(SYMBOL)["last"] > 0
assert exchange.fetch_funding_rate(SYMBOL)["fundingRate"] == 0.0001
step("market data", book["bids"][0])

leverage = exchange.set_leverage(10, SYMBOL)
assert int(leverage["leverage"]) == 10
step("set leverage", leverage)
exchange.set_margin_mode("isolated", SYMBOL)
exchange.set_margin_mode("cross", SYMBOL)
assert exchange.set_position_mode(True)["code"] in ("200", 200)
exchange.set_position_mode(False)
step("modes", True)

placed = exchange.create_order(SYMBOL, "limit", "buy", 0.01, 50000)
assert placed["status"] == "open", placed
step("place", placed["id"])
edited = exchange.edit_order(placed["id"], SYMBOL, "limit", "buy", 0.02, 50100)
assert edited["id"] == placed["id"] and edited["price"] == 50100 and edited["amount"] == 0.02, edited
step("amend", edited["id"])
assert [order["id"] for order in exchange.fetch_open_orders(SYMBOL)] == [placed["id"]]
cancelled = exchange.cancel_order(placed["id"], SYMBOL)
assert cancelled["status"] == "canceled", cancelled
assert exchange.fetch_order(placed["id"], SYMBOL)["status"] == "canceled"
step("cancel", cancelled["id"])
step("unknown order", refused(ccxt.ExchangeError, -2011, lambda: exchange.cancel_order(placed["id"], SYMBOL)))

batch = exchange.create_orders([
    {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 0.01, "price": 50000 - 100 * n}
    for n in range(3)
])
assert len(batch) == 3 and all(order["status"] == "open" for order in batch), batch
step("batch", [order["id"] for order in batch])
some = exchange.cancel_orders([batch[0]["id"], batch[1]["id"]], SYMBOL)
assert len(some) == 2, some
exchange.cancel_all_orders(SYMBOL)
assert exchange.fetch_open_orders(SYMBOL) == []
step("cancel all", True)

bought = exchange.create_order(SYMBOL, "market", "buy", 0.1)
bought = exchange.fetch_order(bought["id"], SYMBOL)
assert bought["status"] == "closed" and bought["filled"] == 0.1, bought
positions = exchange.fetch_positions([SYMBOL])
assert len(positions) == 1, positions
position = positions[0]
assert position["side"] == "long" and position["contracts"] == 0.1, position
step("position", {key: position[key] for key in ("side", "contracts", "entryPrice", "marginMode")})

step("reduce only", refused(
    ccxt.ExchangeError, -2022,
    lambda: exchange.create_order(SYMBOL, "market", "buy", 0.1, None, {"reduceOnly": True}),
))
stop = exchange.create_order(
    SYMBOL, "market", "sell", 0.1, None, {"stopLossPrice": 55000, "reduceOnly": True})
stops = exchange.fetch_open_orders(SYMBOL, None, None, {"trigger": True})
assert [order["id"] for order in stops] == [stop["id"]], (stop, stops)
exchange.cancel_order(stop["id"], SYMBOL, {"trigger": True})
step("conditional", stop["id"])

exchange.create_order(SYMBOL, "market", "sell", 0.3, None, {"reduceOnly": True})
assert exchange.fetch_positions([SYMBOL]) == []
trades = exchange.fetch_my_trades(SYMBOL)
assert sum(trade["amount"] for trade in trades) == 0.2, trades
step("closed", len(trades))

step("margin", refused(
    ccxt.ExchangeError, -2019, lambda: exchange.create_order(SYMBOL, "limit", "buy", 100, 59000)))
income = exchange.fapiPrivateGetIncome({"incomeType": "COMMISSION"})
assert len(income) >= 2
fees = sum(float(trade["fee"]["cost"]) for trade in trades)
step("fees", fees)
end = exchange.fetch_balance()["USDT"]["total"]
profit = sum(float(line["income"]) for line in exchange.fapiPrivateGetIncome({"limit": 1000}))
assert abs(start + profit - end) < 1e-6, (start, profit, end)
step("books agree", end)
countdown = exchange.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 60000})
assert countdown["countdownTime"] == "60000"
step("countdown", countdown)
