"""binance-sdk-spot, unmodified: the WebSocket API with a session's logon.

The SDK checks every answer and event against the vendor's own models.
"""

import asyncio
import json
import os

from binance_common.configuration import ConfigurationWebSocketAPI
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import (
    OrderPlaceSideEnum,
    OrderPlaceTimeInForceEnum,
    OrderPlaceTypeEnum,
)

MARKET = "BTCUSDT"


def step(name, value):
    print(json.dumps({"step": name, "value": value}, default=str), flush=True)


def limit(price):
    return dict(
        symbol=MARKET,
        side=OrderPlaceSideEnum["BUY"].value,
        type=OrderPlaceTypeEnum["LIMIT"].value,
        time_in_force=OrderPlaceTimeInForceEnum["GTC"].value,
        quantity=0.01,
        price=price,
    )


def result(response):
    data = response.data()
    assert not isinstance(data, dict) and data.status == 200, data
    return data.result


async def main():
    configuration = ConfigurationWebSocketAPI(
        api_key=os.environ["ED_KEY"],
        private_key=os.environ["ED_PEM"],
        stream_url=os.environ["WS_URL"] + "/ws-api/v3",
    )
    client = Spot(config_ws_api=configuration)
    connection = await client.websocket_api.create_connection()
    try:
        step("time", result(await connection.time()).server_time)
        step("book", result(await connection.depth(symbol=MARKET, limit=5)).bids[0])
        logon = result(await connection.session_logon())
        assert logon.api_key == os.environ["ED_KEY"], logon
        step("logon", logon.api_key)
        events = []
        stream = (await connection.user_data_stream_subscribe()).stream
        stream.on("message", lambda event: events.append(event))
        step("subscribed", True)
        placed = result(await connection.order_place(**limit(50000)))
        assert placed.status == "NEW", placed
        step("place", placed.order_id)
        status = result(await connection.order_status(symbol=MARKET, order_id=placed.order_id))
        assert status.client_order_id == placed.client_order_id
        opened = result(await connection.open_orders_status(symbol=MARKET))
        assert [order.order_id for order in opened] == [placed.order_id]
        step("open orders", len(opened))
        account = result(await connection.account_status())
        assert float(next(b for b in account.balances if b.asset == "USDT").locked) == 500
        step("account", len(account.balances))
        cancelled = result(await connection.order_cancel(symbol=MARKET, order_id=placed.order_id))
        assert cancelled.status == "CANCELED", cancelled
        step("cancel", cancelled.order_id)
        result(await connection.order_test(**limit(50000)))
        await connection.order_place(**limit(49000))
        gone = result(await connection.open_orders_cancel_all(symbol=MARKET))
        assert len(gone) == 1, gone
        step("cancel all", len(gone))
        await asyncio.sleep(1)
        kinds = [type(event.actual_instance).__name__ for event in events]
        assert kinds.count("ExecutionReport") == 4, kinds
        assert "OutboundAccountPosition" in kinds, kinds
        step("events", kinds)
        status = result(await connection.session_status())
        assert status.user_data_stream is True, status
        await stream.unsubscribe()
        left = result(await connection.session_logout())
        assert left.api_key is None, left
        step("logout", True)
    finally:
        await connection.close_connection(close_session=True)


asyncio.run(main())
