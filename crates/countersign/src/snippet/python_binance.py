from binance.client import Client

for name, path in {
    "API_URL": "api", "MARGIN_API_URL": "sapi", "FUTURES_URL": "fapi", "FUTURES_COIN_URL": "dapi",
    "FUTURES_DATA_URL": "futures/data", "OPTIONS_URL": "eapi", "PAPI_URL": "papi",
}.items():
    setattr(Client, name, "@URL@/" + path)
client = Client("@KEY@", "@SECRET@")
print(client.get_account()["balances"])
print(client.get_symbol_ticker(symbol="@MARKET@"))
