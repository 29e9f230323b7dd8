"""freqtrade, unmodified: live mode on spot for one cycle, a buy and a sell, with
ccxt's base URLs set in its own configuration."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from steps import API_KEY, API_SECRET, BASE_URL, FAILED, close, step

PAIR = "BTC/USDT"
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
urls = {
    "public": f"{BASE_URL}/api/v3",
    "private": f"{BASE_URL}/api/v3",
    "v1": f"{BASE_URL}/api/v1",
    **{f"sapi{v}": f"{BASE_URL}/sapi/v{v or 1}" for v in ("", "V2", "V3", "V4")},
    **{f"fapi{k}": f"{BASE_URL}/fapi/v1" for k in ("Public", "Private")},
    **{f"dapi{k}": f"{BASE_URL}/dapi/v1" for k in ("Public", "Private")},
}
urls.update({f"sapiV{v}": f"{BASE_URL}/sapi/v{v}" for v in (2, 3, 4)})
client = {"urls": {"api": urls}}
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
    "exchange": {
        "name": "binance",
        "key": API_KEY,
        "secret": API_SECRET,
        "ccxt_config": client,
        "ccxt_async_config": client,
        "pair_whitelist": [PAIR],
        "enable_ws": False,
    },
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
