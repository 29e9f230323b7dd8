"""ccxt (Python), unmodified, with default options apart from base URLs and key."""

import ccxt

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

exchange = ccxt.binance({"apiKey": API_KEY, "secret": API_SECRET})
# The path stays the venue's own; only scheme and host change.
for name, url in list(exchange.urls["api"].items()):
    if isinstance(url, str) and url.startswith("https://"):
        path = url.split("/", 3)[3] if url.count("/") > 2 else ""
        exchange.urls["api"][name] = f"{BASE_URL}/{path}"

MARKET = "BTC/USDT"
step("load markets", lambda: holds(MARKET in exchange.load_markets(), exchange.symbols))
step("currencies", lambda: holds("USDT" in exchange.fetch_currencies(), None))
step("balances", lambda: holds(exchange.fetch_balance()["total"]["USDT"] > 0, None))
ticker = step("ticker", lambda: holds(exchange.fetch_ticker(MARKET)["last"], None)) or 50000
last = exchange.fetch_ticker(MARKET)["last"]
step("order book", lambda: holds(exchange.fetch_order_book(MARKET)["bids"], None))
amount = float(exchange.amount_to_precision(MARKET, 200 / last))
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
edited = step("amend", lambda: exchange.edit_order(order["id"], MARKET, "limit", "buy", amount, lower))
step("cancel", lambda: exchange.cancel_order((edited or order)["id"], MARKET))
step("place again", lambda: exchange.create_order(MARKET, "limit", "buy", amount, below))
step("cancel all", lambda: holds(len(exchange.cancel_all_orders(MARKET)) >= 1, None))
step("nothing open", lambda: holds(exchange.fetch_open_orders(MARKET) == [], None))
step("market order", lambda: holds(exchange.create_order(MARKET, "market", "buy", amount)["id"], None))
step("my trades", lambda: holds(len(exchange.fetch_my_trades(MARKET)) >= 1, None))
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
raises(
    "withdrawal",
    ["AuthenticationError"],
    -1002,
    lambda: exchange.withdraw(
        "USDT", 100, "0x2b0502FDab4e221dcD492c058255D2073d50A3ae", params={"network": "ETH"}
    ),
)
raises(
    "transfer",
    ["AuthenticationError"],
    -1002,
    lambda: exchange.transfer("USDT", 100, "spot", "future"),
)
# A refusal must not look retryable: the next call still works.
step("still trading", lambda: holds(exchange.fetch_balance()["total"]["BTC"] > 0, None))
close()
