from nautilus_trader.adapters.binance import BinanceDataClientConfig, BinanceExecClientConfig

gateway = {"api_key": "@KEY@", "api_secret": "@SECRET@", "base_url_http": "@URL@"}
data_clients = {"BINANCE": BinanceDataClientConfig(**gateway)}
exec_clients = {"BINANCE": BinanceExecClientConfig(**gateway)}
