"""python-binance, unmodified: it takes its base URLs from class attributes."""

from binance.client import Client

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

Client.API_URL = f"{BASE_URL}/api"
Client.MARGIN_API_URL = f"{BASE_URL}/sapi"
Client.FUTURES_URL = f"{BASE_URL}/fapi"
client = step("start", lambda: Client(API_KEY, API_SECRET))  # pings by itself

MARKET = "BTCUSDT"
step("balances", lambda: holds(float(client.get_asset_balance("USDT")["free"]) > 0, None))
last = float(step("ticker", lambda: client.get_symbol_ticker(symbol=MARKET)["price"]))
step("order book", lambda: holds(client.get_order_book(symbol=MARKET)["bids"], None))
step("exchange info", lambda: holds(client.get_symbol_info(MARKET), None))
quantity = f"{200 / last:.5f}"
below = f"{last * 0.99:.2f}"
lower = f"{last * 0.985:.2f}"
place = dict(symbol=MARKET, quantity=quantity, price=below)
step("test order", lambda: client.create_test_order(side="BUY", type="LIMIT", timeInForce="GTC", **place))
order = step("place", lambda: client.order_limit_buy(**place))
number = order["orderId"]
step("order by id", lambda: holds(client.get_order(symbol=MARKET, orderId=number)["status"] == "NEW", None))
step(
    "open orders",
    lambda: holds(number in [o["orderId"] for o in client.get_open_orders(symbol=MARKET)], None),
)
replaced = step(
    "cancel and replace",
    lambda: client.cancel_replace_order(
        symbol=MARKET,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity=quantity,
        price=lower,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=number,
    ),
)
step("cancel", lambda: client.cancel_order(symbol=MARKET, orderId=replaced["newOrderResponse"]["orderId"]))
step("place again", lambda: client.order_limit_buy(**place))
step("cancel all", lambda: holds(len(client.cancel_all_open_orders(symbol=MARKET)) >= 1, None))
step("nothing open", lambda: holds(client.get_open_orders(symbol=MARKET) == [], None))
step("market order", lambda: client.order_market_buy(symbol=MARKET, quantity=quantity))
step("my trades", lambda: holds(len(client.get_my_trades(symbol=MARKET)) >= 1, None))
raises(
    "over the limit",
    ["BinanceAPIException"],
    -2010,
    lambda: client.order_limit_buy(symbol=MARKET, quantity=f"{10000 / last:.5f}", price=below),
)
raises(
    "withdrawal",
    ["BinanceAPIException"],
    -1002,
    lambda: client.withdraw(coin="USDT", network="ETH", address="0x2b0502FDab4e221dcD492c058255D2073d50A3ae", amount=100),
)
step("still trading", lambda: holds(float(client.get_asset_balance("BTC")["free"]) > 0, None))
close()
