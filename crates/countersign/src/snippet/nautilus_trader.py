from nautilus_trader.adapters.binance import BinanceAccountType, BinanceDataClientConfig, BinanceExecClientConfig

gateway = {
    "api_key": "@KEY@",
    "api_secret": "@SECRET@",
    "account_type": BinanceAccountType.@ACCOUNT@,
    "base_url_http": "@URL@",
    "base_url_ws": "@SOCKETS@",
}
data_clients = {"BINANCE": BinanceDataClientConfig(**gateway)}
exec_clients = {"BINANCE": BinanceExecClientConfig(**gateway)}
