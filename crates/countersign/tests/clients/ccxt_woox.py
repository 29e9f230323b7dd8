"""ccxt (Python) on WOO X, spot and perpetuals, unmodified but for base URLs and key."""

import time

import ccxt

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

exchange = ccxt.woo({"apiKey": API_KEY, "secret": API_SECRET})
for name in exchange.urls["api"]:
    exchange.urls["api"][name] = BASE_URL


def filled(order, market):
    """WOO X acknowledges an order before it says what became of it."""
    for _ in range(50):
        now = exchange.fetch_order(order["id"], market)
        if now["status"] == "closed":
            return now
        time.sleep(0.1)
    raise AssertionError(f"not filled: {now}")


def trade(market):
    step(f"{market} is listed", lambda: holds(market in exchange.load_markets(), exchange.symbols))
    book = step("order book", lambda: exchange.fetch_order_book(market))
    last = book["bids"][0][0]
    amount = float(exchange.amount_to_precision(market, 400 / last))
    below = float(exchange.price_to_precision(market, last * 0.99))
    order = step("place", lambda: exchange.create_order(market, "limit", "buy", amount, below))
    step(
        "order by id",
        lambda: holds(exchange.fetch_order(order["id"], market)["status"] == "open", None),
    )
    step(
        "open orders",
        lambda: holds(order["id"] in [o["id"] for o in exchange.fetch_open_orders(market)], None),
    )
    lower = float(exchange.price_to_precision(market, last * 0.985))
    step("amend", lambda: exchange.edit_order(order["id"], market, "limit", "buy", amount, lower))
    step("amended", lambda: holds(exchange.fetch_order(order["id"], market)["price"] == lower, None))
    raises(
        "amend over the limit",
        ["InvalidOrder"],
        -1101,
        lambda: exchange.edit_order(order["id"], market, "limit", "buy", amount * 50, lower),
    )
    step("cancel", lambda: exchange.cancel_order(order["id"], market))
    named = {"clientOrderId": 4711}
    step("place named", lambda: exchange.create_order(market, "limit", "buy", amount, below, named))
    step("cancel by client id", lambda: exchange.cancel_order(None, market, {"clientOrderId": 4711}))
    step("place again", lambda: exchange.create_order(market, "limit", "buy", amount, below))
    step("cancel all", lambda: exchange.cancel_all_orders(market))
    time.sleep(0.5)
    step("nothing open", lambda: holds(exchange.fetch_open_orders(market) == [], None))
    crossing = float(exchange.price_to_precision(market, last * 1.005))
    bought = step(
        "crossing", lambda: exchange.create_order(market, "limit", "buy", amount, crossing)
    )
    step("filled", lambda: filled(bought, market))
    step(
        "trades of the order",
        lambda: holds(exchange.fetch_order_trades(bought["id"], market), None),
    )
    step("my trades", lambda: holds(exchange.fetch_my_trades(market), None))
    raises(
        "over the limit",
        ["InvalidOrder"],
        -1101,
        lambda: exchange.create_order(market, "limit", "buy", amount * 50, below),
    )
    raises(
        "outside the collar",
        ["InvalidOrder"],
        -1101,
        lambda: exchange.create_order(
            market, "limit", "buy", amount, exchange.price_to_precision(market, last * 1.2)
        ),
    )
    return amount, below


step("time", exchange.fetch_time)
step("status", lambda: holds(exchange.fetch_status()["status"] == "ok", None))
step("currencies", lambda: holds("BTC" in exchange.fetch_currencies(), None))
step("balances", lambda: holds(exchange.fetch_balance()["total"]["USDT"] > 0, None))
amount, below = trade("BTC/USDT")
step("public trades", lambda: holds(exchange.fetch_trades("BTC/USDT"), None))
step("candles", lambda: exchange.fetch_ohlcv("BTC/USDT", "1m"))
PERP = "BTC/USDT:USDT"
perp_amount, _ = trade(PERP)
step("position", lambda: holds(any(p["contracts"] for p in exchange.fetch_positions([PERP])), None))
step(
    "reduce only",
    lambda: exchange.create_order(PERP, "market", "sell", perp_amount, None, {"reduceOnly": True}),
)
step("funding rate", lambda: exchange.fetch_funding_rate(PERP))
step("leverage", lambda: exchange.fetch_leverage(PERP))
step("orders", lambda: exchange.fetch_orders("BTC/USDT"))
raises("another market", ["AuthenticationError"], -1002, lambda: exchange.create_order("ETH/USDT", "limit", "buy", 0.1, 1000))
raises("set leverage", ["AuthenticationError"], -1002, lambda: exchange.set_leverage(20, PERP))
raises(
    "withdraw",
    ["AuthenticationError"],
    -1002,
    lambda: exchange.withdraw("USDT", 10, "0x" + "1" * 40, {"network": "ERC20"}),
)
raises("transfer", ["AuthenticationError"], -1002, lambda: exchange.transfer("USDT", 1, "a", "b"))
raises(
    "position mode", ["AuthenticationError"], -1002, lambda: exchange.set_position_mode(True, PERP)
)
close()
