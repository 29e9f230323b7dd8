"""binance-sdk-spot and binance-sdk-wallet (the connector's successor), unmodified."""

from binance_common.configuration import ConfigurationRestAPI
from binance_sdk_spot.spot import Spot
from binance_sdk_wallet.wallet import Wallet

from steps import API_KEY, API_SECRET, BASE_URL, close, holds, raises, step

configuration = ConfigurationRestAPI(api_key=API_KEY, api_secret=API_SECRET, base_path=BASE_URL)
client = Spot(config_rest_api=configuration).rest_api
wallet = Wallet(config_rest_api=configuration).rest_api
MARKET = "BTCUSDT"


def balances():
    account = client.get_account(omit_zero_balances=True).data()
    return next(b for b in account.balances if b.asset == "USDT").free


step("balances", lambda: holds(float(balances()) > 0, None))
last = float(step("ticker", lambda: client.ticker_price(symbol=MARKET).data().actual_instance.price))
step("order book", lambda: holds(client.depth(symbol=MARKET).data().bids, None))
quantity = float(f"{200 / last:.5f}")
below = float(f"{last * 0.99:.2f}")
lower = float(f"{last * 0.985:.2f}")
limit = dict(symbol=MARKET, side="BUY", type="LIMIT", time_in_force="GTC", quantity=quantity)
step("test order", lambda: client.order_test(**limit, price=below).data())
order = step("place", lambda: client.new_order(**limit, price=below).data())
number = order.order_id
step("order by id", lambda: holds(client.get_order(symbol=MARKET, order_id=number).data().status == "NEW", None))
step(
    "open orders",
    lambda: holds(number in [o.order_id for o in client.get_open_orders(symbol=MARKET).data()], None),
)
replaced = step(
    "cancel and replace",
    lambda: client.order_cancel_replace(
        **limit, price=lower, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=number
    ).data(),
)
replaced_number = replaced.new_order_response.order_id
step("cancel", lambda: client.delete_order(symbol=MARKET, order_id=replaced_number).data())
amended = step("place to amend", lambda: client.new_order(**limit, price=below).data())
step(
    "amend",
    lambda: client.order_amend_keep_priority(
        symbol=MARKET, new_qty=float(f"{quantity / 2:.5f}"), order_id=amended.order_id
    ).data(),
)
step("cancel all", lambda: holds(len(client.delete_open_orders(symbol=MARKET).data()) >= 1, None))
step("nothing open", lambda: holds(client.get_open_orders(symbol=MARKET).data() == [], None))
step("market order", lambda: client.new_order(symbol=MARKET, side="BUY", type="MARKET", quantity=quantity).data())
step("my trades", lambda: holds(len(client.my_trades(symbol=MARKET).data()) >= 1, None))
raises(
    "over the limit",
    ["BadRequestError"],
    -2010,
    lambda: client.new_order(**{**limit, "quantity": float(f"{10000 / last:.5f}")}, price=below),
)
raises(
    "withdrawal",
    ["UnauthorizedError"],
    -1002,
    lambda: wallet.withdraw(
        coin="USDT", address="0x2b0502FDab4e221dcD492c058255D2073d50A3ae", amount=100, network="ETH"
    ),
)
step("still trading", lambda: holds(balances(), None))
close()
