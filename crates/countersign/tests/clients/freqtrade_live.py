"""freqtrade, unmodified: live mode on spot for one cycle, a buy and a sell. Its
configuration is the snippet that `bot add` prints."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from steps import close, step

STRATEGY = '''
from freqtrade.strategy import IStrategy


class Small(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {}
    stoploss = -0.5
    startup_candle_count = 0
    process_only_new_candles = False

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        return "one cycle"
'''
CONFIG = {
    "max_open_trades": 1,
    "stake_currency": "USDT",
    "stake_amount": 100,
    "tradable_balance_ratio": 0.5,
    "dry_run": False,
    "db_url": "sqlite://",
    "trading_mode": "spot",
    "timeframe": "1m",
    "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "seconds"},
    **json.loads(os.environ["SNIPPET"]),
    "pairlists": [{"method": "StaticPairList"}],
    "internals": {"process_throttle_secs": 1},
    "initial_state": "running",
}
SAID = []


def wait_for(*words, within=60):
    until = time.monotonic() + within
    while time.monotonic() < until:
        for line in list(SAID):
            if all(word in line for word in words):
                return line
        if bot.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"freqtrade never said {words}:\n" + "".join(SAID[-60:]))


with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "small.py"), "w") as file:
        file.write(STRATEGY)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(CONFIG, file)
    freqtrade = os.path.join(os.path.dirname(sys.executable), "freqtrade")
    bot = subprocess.Popen(
        [freqtrade, "trade", "--config", "config.json", "--strategy", "Small", "--strategy-path", ".", "--userdir", folder],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    threading.Thread(target=lambda: [SAID.append(line) for line in bot.stdout], daemon=True).start()
    try:
        step("start", lambda: wait_for("state='RUNNING'"))
        step("buy", lambda: wait_for("LIMIT_BUY", "filled"))
        step("sell", lambda: wait_for("LIMIT_SELL", "filled"))
    finally:
        bot.send_signal(signal.SIGINT)
        try:
            bot.wait(20)
        except subprocess.TimeoutExpired:
            bot.kill()
step("stopped", lambda: bot.returncode)
close()
