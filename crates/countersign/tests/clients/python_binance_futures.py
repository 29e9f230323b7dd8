"""python-binance on USD-M futures, unmodified: it takes its base URLs from class
attributes."""

import asyncio

from binance import AsyncClient, BinanceSocketManager
from binance.client import Client

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

for kind in (Client, AsyncClient):
    kind.API_URL = f"{BASE_URL}/api"
    kind.MARGIN_API_URL = f"{BASE_URL}/sapi"
    kind.FUTURES_URL = f"{BASE_URL}/fapi"
BinanceSocketManager.FSTREAM_URL = BASE_URL.replace("http://", "ws://") + "/fstream/"
client = step("start", lambda: Client(API_KEY, API_SECRET))  # pings by itself

MARKET = "BTCUSDT"
balances = step("balances", client.futures_account_balance)
holds(any(row["asset"] == "USDT" and float(row["balance"]) > 0 for row in balances), balances)
last = float(step("ticker", lambda: client.futures_symbol_ticker(symbol=MARKET)["price"]))
step("order book", lambda: holds(client.futures_order_book(symbol=MARKET)["bids"], None))
step("exchange info", lambda: holds(client.futures_exchange_info()["symbols"], None))
quantity = f"{400 / last:.3f}"
below = f"{last * 0.99:.1f}"
lower = f"{last * 0.985:.1f}"
limit = dict(symbol=MARKET, side="BUY", type="LIMIT", timeInForce="GTC", quantity=quantity)
step("test order", lambda: client.futures_create_test_order(**limit, price=below))
order = step("place", lambda: client.futures_create_order(**limit, price=below))
number = order["orderId"]
step(
    "order by id",
    lambda: holds(client.futures_get_order(symbol=MARKET, orderId=number)["status"] == "NEW", None),
)
step(
    "open orders",
    lambda: holds(number in [o["orderId"] for o in client.futures_get_open_orders(symbol=MARKET)], None),
)
step(
    "amend",
    lambda: client.futures_modify_order(
        symbol=MARKET, side="BUY", orderId=number, quantity=quantity, price=lower
    ),
)
step("cancel", lambda: client.futures_cancel_order(symbol=MARKET, orderId=number))
# What the account is told while this goes on, by a stream key.


async def hear():
    hearing = await AsyncClient.create(API_KEY, API_SECRET)
    try:
        async with BinanceSocketManager(hearing).futures_user_socket() as socket:
            placed = await hearing.futures_create_order(**limit, price=below)
            while True:
                event = await asyncio.wait_for(socket.recv(), 20)
                if event["e"] == "ORDER_TRADE_UPDATE":
                    return holds(event["o"]["i"] == placed["orderId"], event)
    finally:
        await hearing.close_connection()


step("user socket", lambda: asyncio.run(hear()))
step("cancel all", lambda: client.futures_cancel_all_open_orders(symbol=MARKET))
step("nothing open", lambda: holds(client.futures_get_open_orders(symbol=MARKET) == [], None))
step(
    "market order",
    lambda: client.futures_create_order(symbol=MARKET, side="BUY", type="MARKET", quantity=quantity),
)
positions = step("position", lambda: client.futures_position_information(symbol=MARKET))
holds(any(float(row["positionAmt"]) > 0 for row in positions), positions)
step(
    "reduce only",
    lambda: client.futures_create_order(
        symbol=MARKET, side="SELL", type="MARKET", quantity=quantity, reduceOnly="true"
    ),
)
step("my trades", lambda: holds(len(client.futures_account_trades(symbol=MARKET)) >= 2, None))
step("account", lambda: holds(client.futures_account()["assets"], None))
raises(
    "over the limit",
    ["BinanceAPIException"],
    -2010,
    lambda: client.futures_create_order(**{**limit, "quantity": f"{20000 / last:.3f}"}, price=below),
)
raises(
    "outside the collar",
    ["BinanceAPIException"],
    -2010,
    lambda: client.futures_create_order(**limit, price=f"{last * 1.2:.1f}"),
)
raises(
    "leverage",
    ["BinanceAPIException"],
    -1002,
    lambda: client.futures_change_leverage(symbol=MARKET, leverage=125),
)
raises(
    "transfer",
    ["BinanceAPIException"],
    -1002,
    lambda: client.futures_account_transfer(asset="USDT", amount=1, type=2),
)
close()
