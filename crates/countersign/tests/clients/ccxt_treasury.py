"""ccxt (Python), unmodified: a treasury bot withdraws to where it may."""

import os

import ccxt

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

exchange = ccxt.binance({"apiKey": API_KEY, "secret": API_SECRET})
for name, url in list(exchange.urls["api"].items()):
    if isinstance(url, str) and url.startswith("https://"):
        path = url.split("/", 3)[3] if url.count("/") > 2 else ""
        exchange.urls["api"][name] = f"{BASE_URL}/{path}"

HOME = os.environ["HOME_ADDRESS"]
ELSEWHERE = os.environ["OTHER_ADDRESS"]
ETH = {"network": "ETH"}

step("load markets", lambda: holds("BTC/USDT" in exchange.load_markets(), None))
step("balances", lambda: holds(exchange.fetch_balance()["total"]["USDT"] > 0, None))
raises(
    "elsewhere",
    ["AuthenticationError"],
    -1002,
    lambda: exchange.withdraw("USDT", 20, ELSEWHERE, params=ETH),
)
raises(
    "too much",
    ["AuthenticationError"],
    -1002,
    lambda: exchange.withdraw("USDT", 101, HOME, params=ETH),
)
step("withdraw", lambda: holds(exchange.withdraw("USDT", 100, HOME, params=ETH)["id"], None))
step(
    "history",
    lambda: holds(exchange.fetch_withdrawals("USDT")[0]["address"] == HOME, None),
)
close()
