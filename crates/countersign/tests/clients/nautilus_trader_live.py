"""nautilus_trader's Binance adapter, unmodified: a live node on spot with a small
strategy. Its configuration is the snippet that `bot add` prints."""

import json
import os
import sys
from decimal import Decimal

import msgspec
from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, StrategyConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = InstrumentId.from_str("BTCUSDT.BINANCE")
WANTED = ["quote", "accepted", "cancelled", "filled", "position", "over the limit"]
DONE = []


class Small(Strategy):
    """A limit order, its cancel, a market order, and one that is too large."""

    def __init__(self):
        super().__init__(StrategyConfig(strategy_id="SMALL-001"))
        self.placed = None

    def done(self, step, detail):
        if step not in DONE:
            DONE.append(step)
            print(json.dumps({"step": step, "ok": True, "detail": str(detail)[:200]}), flush=True)

    def on_start(self):
        self.instrument = self.cache.instrument(INSTRUMENT)
        self.subscribe_quote_ticks(INSTRUMENT)
        self.clock.set_time_alert_ns("patience", self.clock.timestamp_ns() + 60_000_000_000, self.give_up)

    def on_quote_tick(self, tick):
        if self.placed is not None:
            return
        self.done("quote", tick)
        self.price = Decimal(str(tick.bid_price))
        self.placed = self.order_of(Decimal("0.002"), self.price * Decimal("0.99"))
        self.submit_order(self.placed)

    def order_of(self, quantity, price):
        return self.order_factory.limit(
            instrument_id=INSTRUMENT,
            order_side=OrderSide.BUY,
            quantity=self.instrument.make_qty(quantity),
            price=self.instrument.make_price(price),
            time_in_force=TimeInForce.GTC,
        )

    def on_order_accepted(self, event):
        if event.client_order_id == self.placed.client_order_id:
            self.done("accepted", event)
            self.cancel_order(self.placed)

    def on_order_canceled(self, event):
        self.done("cancelled", event)
        self.submit_order(
            self.order_factory.market(
                instrument_id=INSTRUMENT,
                order_side=OrderSide.BUY,
                quantity=self.instrument.make_qty(Decimal("0.002")),
            )
        )

    def on_order_filled(self, event):
        self.done("filled", event)

    def on_position_opened(self, event):
        self.done("position", event)
        self.submit_order(self.order_of(Decimal("1"), self.price * Decimal("0.99")))

    def on_order_rejected(self, event):
        assert "-2010" in event.reason, event.reason
        self.done("over the limit", event.reason)
        self.leave()

    def give_up(self, _event):
        self.leave()

    def leave(self):
        self.cancel_all_orders(INSTRUMENT)
        node.stop()


exec(os.environ["SNIPPET"])  # gateway, data_clients, exec_clients


def with_instrument(clients):
    provider = InstrumentProviderConfig(load_ids=frozenset([INSTRUMENT]))
    return {name: msgspec.structs.replace(one, instrument_provider=provider) for name, one in clients.items()}


node = TradingNode(
    config=TradingNodeConfig(
        trader_id=TraderId("TRADER-001"),
        logging=LoggingConfig(log_level="INFO", log_colors=False),
        data_clients=with_instrument(data_clients),
        exec_clients=with_instrument(exec_clients),
        timeout_connection=20.0,
        timeout_disconnection=5.0,
        timeout_post_stop=1.0,
    )
)
node.trader.add_strategy(Small())
node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
node.build()
try:
    node.run()
finally:
    node.dispose()
failed = [step for step in WANTED if step not in DONE]
print(json.dumps({"failed": failed}), flush=True)
sys.exit(1 if failed else 0)
