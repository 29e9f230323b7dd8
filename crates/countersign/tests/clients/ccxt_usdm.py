"""ccxt (Python) on USD-M futures, unmodified but for base URLs and key."""

import ccxt

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

exchange = ccxt.binanceusdm({"apiKey": API_KEY, "secret": API_SECRET})
# The path stays the venue's own; only scheme and host change.
for name, url in list(exchange.urls["api"].items()):
    if isinstance(url, str) and url.startswith("https://"):
        path = url.split("/", 3)[3] if url.count("/") > 2 else ""
        exchange.urls["api"][name] = f"{BASE_URL}/{path}"

MARKET = "BTC/USDT:USDT"
step("load markets", lambda: holds(MARKET in exchange.load_markets(), exchange.symbols))
step("balances", lambda: holds(exchange.fetch_balance()["total"]["USDT"] > 0, None))
last = step("ticker", lambda: exchange.fetch_ticker(MARKET))["last"]
step("order book", lambda: holds(exchange.fetch_order_book(MARKET)["bids"], None))
amount = float(exchange.amount_to_precision(MARKET, 400 / last))
below = float(exchange.price_to_precision(MARKET, last * 0.99))
lower = float(exchange.price_to_precision(MARKET, last * 0.985))

order = step("place", lambda: exchange.create_order(MARKET, "limit", "buy", amount, below))
step(
    "order by id",
    lambda: holds(exchange.fetch_order(order["id"], MARKET)["status"] == "open", None),
)
step(
    "open orders",
    lambda: holds(order["id"] in [o["id"] for o in exchange.fetch_open_orders(MARKET)], None),
)
step(
    "amend",
    lambda: holds(
        exchange.edit_order(order["id"], MARKET, "limit", "buy", amount, lower)["price"] == lower,
        None,
    ),
)
step(
    "amended",
    lambda: holds(exchange.fetch_order(order["id"], MARKET)["price"] == lower, None),
)
raises(
    "amend over the limit",
    ["InvalidOrder"],
    -2010,
    lambda: exchange.edit_order(order["id"], MARKET, "limit", "buy", amount * 50, lower),
)
raises(
    "amend out of the collar",
    ["InvalidOrder"],
    -2010,
    lambda: exchange.edit_order(
        order["id"], MARKET, "limit", "buy", amount, float(exchange.price_to_precision(MARKET, last * 1.2))
    ),
)
step("cancel", lambda: exchange.cancel_order(order["id"], MARKET))
step(
    "batch",
    lambda: exchange.create_orders(
        [
            {"symbol": MARKET, "type": "limit", "side": "buy", "amount": amount, "price": below},
            {"symbol": MARKET, "type": "limit", "side": "buy", "amount": amount, "price": lower},
        ]
    ),
)
step("cancel all", lambda: exchange.cancel_all_orders(MARKET))
step("nothing open", lambda: holds(exchange.fetch_open_orders(MARKET) == [], None))
step("market order", lambda: holds(exchange.create_order(MARKET, "market", "buy", amount)["id"], None))
step("position", lambda: holds(any(p["contracts"] for p in exchange.fetch_positions([MARKET])), None))
# A conditional order has ids of its own.
stop = step(
    "stop loss",
    lambda: exchange.create_order(
        MARKET,
        "market",
        "sell",
        amount,
        None,
        {"stopLossPrice": float(exchange.price_to_precision(MARKET, last * 0.985)), "reduceOnly": True},
    ),
)
step(
    "stops that wait",
    lambda: holds(
        stop["id"] in [o["id"] for o in exchange.fetch_open_orders(MARKET, params={"trigger": True})], None
    ),
)
step("cancel the stop", lambda: exchange.cancel_order(stop["id"], MARKET, {"trigger": True}))
raises(
    "a stop over the limit",
    ["InvalidOrder"],
    -2010,
    lambda: exchange.create_order(
        MARKET, "market", "sell", amount * 50, None, {"stopLossPrice": last * 0.985, "reduceOnly": True}
    ),
)
step(
    "reduce only",
    lambda: exchange.create_order(MARKET, "market", "sell", amount, None, {"reduceOnly": True}),
)
step("my trades", lambda: holds(len(exchange.fetch_my_trades(MARKET)) >= 2, None))
raises(
    "over the limit",
    ["InvalidOrder"],
    -2010,
    lambda: exchange.create_order(MARKET, "limit", "buy", amount * 50, below),
)
raises(
    "outside the collar",
    ["InvalidOrder"],
    -2010,
    lambda: exchange.create_order(MARKET, "limit", "buy", amount, exchange.price_to_precision(MARKET, last * 1.2)),
)
raises("leverage", ["AuthenticationError"], -1002, lambda: exchange.set_leverage(125, MARKET))
raises(
    "a spot order with a futures bot",
    ["AuthenticationError"],
    -1002,
    lambda: exchange.private_post_order(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": amount, "price": below}
    ),
)
close()
