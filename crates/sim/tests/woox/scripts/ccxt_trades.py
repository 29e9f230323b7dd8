"""ccxt (Python), unmodified, on spot and swap: one line `ok NAME` a step."""

import os

import ccxt

exchange = ccxt.woo(
    {"apiKey": os.environ["API_KEY"], "secret": os.environ["API_SECRET"], "uid": os.environ["API_UID"]}
)
for name in ("pub", "public", "private"):
    exchange.urls["api"][name] = os.environ["BASE_URL"]


def step(name, run, holds=lambda answer: True):
    answer = run()
    assert holds(answer), f"{name}: {str(answer)[:800]}"
    print(f"ok {name}", flush=True)
    return answer


def refused(name, kind, run):
    try:
        answer = run()
    except Exception as error:
        assert isinstance(error, kind), f"{name}: {type(error).__name__} {error}"
        print(f"ok {name}", flush=True)
        return
    raise AssertionError(f"{name} was not refused: {answer}")


step("status", exchange.fetch_status, lambda a: a["status"] == "ok")
step("markets", exchange.load_markets, lambda a: "BTC/USDT" in a and "BTC/USDT:USDT" in a)
step("currencies", exchange.fetch_currencies, lambda a: "ERC20" in a["USDT"]["networks"])
step("balance", exchange.fetch_balance, lambda a: a["USDT"]["free"] == 1000000 and a["BTC"]["total"] == 20)
step("tickers", exchange.fetch_tickers, lambda a: a["BTC/USDT:USDT"]["last"] > 0)
step("funding rate", lambda: exchange.fetch_funding_rate("BTC/USDT:USDT"), lambda a: a["fundingRate"] == 0.0001)
step("trading fee", lambda: exchange.fetch_trading_fee("BTC/USDT"), lambda a: a["taker"] == 0.1)
step("accounts", exchange.fetch_accounts, lambda a: a[0]["id"] == os.environ["API_UID"])

for market in ("BTC/USDT", "BTC/USDT:USDT"):
    book = step(f"order book {market}", lambda: exchange.fetch_order_book(market, 10), lambda a: len(a["bids"]) == 10)
    bid = book["bids"][0][0]
    below = float(exchange.price_to_precision(market, bid * 0.97))
    lower = float(exchange.price_to_precision(market, bid * 0.96))
    order = step(
        f"place {market}",
        lambda: exchange.create_order(market, "limit", "buy", 0.01, below, {"clientOrderId": "77"}),
        lambda a: a["id"],
    )
    step(
        f"order by id {market}",
        lambda: exchange.fetch_order(order["id"], market),
        lambda a: a["status"] == "open" and a["price"] == below and a["amount"] == 0.01 and a["clientOrderId"] == "77",
    )
    step(
        f"open orders {market}",
        lambda: exchange.fetch_open_orders(market),
        lambda a: [o["id"] for o in a] == [order["id"]],
    )
    step(f"edit {market}", lambda: exchange.edit_order(order["id"], market, "limit", "buy", 0.02, lower))
    step(
        f"edited {market}",
        lambda: exchange.fetch_order(order["id"], market),
        lambda a: a["price"] == lower and a["amount"] == 0.02,
    )
    step(f"cancel {market}", lambda: exchange.cancel_order(order["id"], market), lambda a: a["status"] == "canceled")
    for _ in range(2):
        exchange.create_order(market, "limit", "buy", 0.01, below)
    step(f"cancel all {market}", lambda: exchange.cancel_all_orders(market))
    step(f"nothing open {market}", lambda: exchange.fetch_open_orders(market), lambda a: a == [])
    cost = {"cost": 700} if market == "BTC/USDT" else {}
    bought = exchange.create_order(market, "market", "buy", 0.01, None, cost)
    step(
        f"my trades {market}",
        lambda: exchange.fetch_my_trades(market),
        lambda a: len(a) >= 1 and a[-1]["order"] == bought["id"] and a[-1]["fee"]["cost"] > 0,
    )

step("position", lambda: exchange.fetch_position("BTC/USDT:USDT"), lambda a: a["contracts"] == 0.01 and a["side"] == "long")
exchange.create_order("BTC/USDT:USDT", "market", "sell", 0.01, None, {"reduceOnly": True})
refused(
    "reduce only",
    ccxt.InvalidOrder,
    lambda: exchange.create_order("BTC/USDT:USDT", "market", "sell", 0.01, None, {"reduceOnly": True}),
)
exchange.set_leverage(5, "BTC/USDT:USDT")
step("leverage", lambda: exchange.fetch_leverage("BTC/USDT:USDT"), lambda a: a["longLeverage"] == 5)
stop = exchange.create_order("BTC/USDT", "market", "sell", 0.01, None, {"triggerPrice": 30000})
step(
    "trigger order",
    lambda: exchange.fetch_open_orders("BTC/USDT", None, None, {"trigger": True}),
    lambda a: a[0]["id"] == stop["id"] and a[0]["triggerPrice"] == 30000,
)
exchange.cancel_order(stop["id"], "BTC/USDT", {"trigger": True})
refused("too much", ccxt.InsufficientFunds, lambda: exchange.create_order("BTC/USDT", "limit", "buy", 100, 50000))
step("cancel all after", lambda: exchange.cancel_all_orders_after(60000), lambda a: a["success"])
step(
    "withdraw",
    lambda: exchange.withdraw("USDT", 50.5, "0x2b0502FDab4e221dcD492c058255D2073d50A3ae", {"network": "ERC20"}),
    lambda a: a["id"] and a["status"] == "pending",
)
