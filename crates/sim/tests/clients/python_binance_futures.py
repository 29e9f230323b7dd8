"""python-binance, unmodified, on the paper futures."""

import json
import os

from binance.client import Client
from binance.exceptions import BinanceAPIException

base = os.environ["BASE_URL"]
Client.API_URL = base + "/api"
Client.FUTURES_URL = base + "/fapi"
client = Client(os.environ["API_KEY"], os.environ["API_SECRET"])


def step(name, value):
    print(json.dumps({"step": name, "value": value}, default=str), flush=True)


step("ping", client.futures_ping())
info = client.futures_exchange_info()
assert any(symbol["symbol"] == "BTCUSDT" for symbol in info["symbols"])
step("mark price", client.futures_mark_price(symbol="BTCUSDT")["markPrice"])
account = client.futures_account()
assert float(account["totalWalletBalance"]) == 100000, account
step("balance", client.futures_account_balance()[0]["balance"])
step("leverage", client.futures_change_leverage(symbol="BTCUSDT", leverage=20))
client.futures_change_margin_type(symbol="BTCUSDT", marginType="ISOLATED")
order = client.futures_create_order(
    symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="50000",
    newClientOrderId="mine-1")
assert order["status"] == "NEW", order
step("place", order["orderId"])
changed = client.futures_modify_order(
    symbol="BTCUSDT", orderId=order["orderId"], side="BUY", quantity="0.02", price="50001")
assert changed["price"] == "50001", changed
step("amend", changed["origQty"])
assert len(client.futures_get_open_orders(symbol="BTCUSDT")) == 1
step("cancel", client.futures_cancel_order(symbol="BTCUSDT", origClientOrderId="mine-1")["status"])
batch = client.futures_place_batch_order(batchOrders=[
    {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
     "quantity": "0.01", "price": "50000"},
    {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
     "quantity": "0", "price": "50000"},
])
assert batch[0]["status"] == "NEW" and batch[1]["code"] == -4003, batch
step("batch", batch)
client.futures_cancel_all_open_orders(symbol="BTCUSDT")
client.futures_create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.05")
position = [row for row in client.futures_position_information(symbol="BTCUSDT")
            if float(row["positionAmt"]) != 0]
assert position[0]["positionAmt"] == "-0.05", position
step("position", position[0]["positionAmt"])
margin = client.futures_change_position_margin(symbol="BTCUSDT", amount=100, type=1)
assert margin["code"] == 200
step("margin", margin)
stop = client.futures_create_order(
    symbol="BTCUSDT", side="BUY", type="STOP_MARKET", stopPrice="70000", closePosition=True)
assert stop["algoStatus"] == "NEW", stop
step("conditional", stop["algoId"])
try:
    client.futures_create_order(
        symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.05", reduceOnly="true")
    raise SystemExit("a reduce-only order that opens was not refused")
except BinanceAPIException as error:
    assert error.code == -2022, error
    step("reduce only", str(error))
client.futures_create_order(
    symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.05", reduceOnly="true")
key = client.futures_stream_get_listen_key()
client.futures_stream_keepalive(key)
client.futures_stream_close(key)
step("listen key", len(key))
step("income", len(client.futures_income_history()))
