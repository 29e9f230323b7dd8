"""binance-connector, unmodified."""

from binance.spot import Spot

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

client = Spot(api_key=API_KEY, api_secret=API_SECRET, base_url=BASE_URL)
MARKET = "BTCUSDT"
step(
    "balances",
    lambda: holds(float(next(b for b in client.account()["balances"] if b["asset"] == "USDT")["free"]) > 0, None),
)
last = float(step("ticker", lambda: client.ticker_price(MARKET)["price"]))
step("order book", lambda: holds(client.depth(MARKET)["bids"], None))
quantity = f"{200 / last:.5f}"
below = f"{last * 0.99:.2f}"
lower = f"{last * 0.985:.2f}"
limit = dict(symbol=MARKET, side="BUY", type="LIMIT", timeInForce="GTC")
step("test order", lambda: client.new_order_test(**limit, quantity=quantity, price=below))
order = step("place", lambda: client.new_order(**limit, quantity=quantity, price=below))
number = order["orderId"]
step("order by id", lambda: holds(client.get_order(MARKET, orderId=number)["status"] == "NEW", None))
step("open orders", lambda: holds(number in [o["orderId"] for o in client.get_open_orders(MARKET)], None))
replaced = step(
    "cancel and replace",
    lambda: client.cancel_and_replace(
        MARKET,
        "BUY",
        "LIMIT",
        "STOP_ON_FAILURE",
        timeInForce="GTC",
        quantity=quantity,
        price=lower,
        cancelOrderId=number,
    ),
)
step("cancel", lambda: client.cancel_order(MARKET, orderId=replaced["newOrderResponse"]["orderId"]))
step("place again", lambda: client.new_order(**limit, quantity=quantity, price=below))
step("cancel all", lambda: holds(len(client.cancel_open_orders(MARKET)) >= 1, None))
step("nothing open", lambda: holds(client.get_open_orders(MARKET) == [], None))
step("market order", lambda: client.new_order(symbol=MARKET, side="BUY", type="MARKET", quantity=quantity))
step("my trades", lambda: holds(len(client.my_trades(MARKET)) >= 1, None))
raises(
    "over the limit",
    ["ClientError"],
    -2010,
    lambda: client.new_order(**limit, quantity=f"{10000 / last:.5f}", price=below),
)
raises(
    "withdrawal",
    ["ClientError"],
    -1002,
    lambda: client.withdraw("USDT", 100, "0x2b0502FDab4e221dcD492c058255D2073d50A3ae", network="ETH"),
)
step("still trading", lambda: holds(client.account()["balances"], None))
close()
