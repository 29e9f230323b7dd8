"""An independent signer: each request that reached the venue is signed again by
the client library's own signing code with the real key.

`resign.py LIBRARY < requests.json`, where requests.json is
`{"key": ..., "secret": ..., "requests": [{"method", "path", "text", "signature"}]}`
and `text` is what the signature covers. Prints how many agree; exits 1 where
one differs.
"""

import hashlib
import json
import sys
from urllib.parse import parse_qsl

library = sys.argv[1]
given = json.load(sys.stdin)
KEY, SECRET = given["key"], given["secret"]


def ccxt_signature(request, pairs):
    import ccxt

    exchange = ccxt.binance({"apiKey": KEY, "secret": SECRET})
    values = dict(pairs)
    timestamp = int(values.pop("timestamp"))
    exchange.nonce = lambda: timestamp
    exchange.options["recvWindow"] = int(values.pop("recvWindow"))
    _, section, version, path = request["path"].split("/", 3)
    suffix = "" if version == "v1" else version.upper()
    name = {"api": "private", "sapi": f"sapi{suffix}", "fapi": f"fapiPrivate{suffix}"}[section]
    if path == "batchOrders":
        # ccxt leaves JSON bare where the gateway percent-encodes: the same
        # parameters in another spelling, so only its hash is compared.
        secret = exchange.encode(SECRET)
        return exchange.hmac(exchange.encode(request["text"]), secret, hashlib.sha256)
    signed = exchange.sign(path, [name], request["method"], values)
    text = signed["body"] or signed["url"].split("?", 1)[1]
    return dict(parse_qsl(text))["signature"]


def woox_signature(request, pairs):
    import ccxt

    exchange = ccxt.woo({"apiKey": KEY, "secret": SECRET})
    exchange.nonce = lambda: int(request["timestamp"])
    # The application id is a parameter like any other: ccxt adds its own.
    _, version, path = request["path"].split("/", 2)
    given = request["query"] or request["text"]
    if given.startswith("{"):
        values = json.loads(given)
        exchange.options["brokerId"] = values.get("broker_id")
    else:
        values = dict(parse_qsl(given, keep_blank_values=True))
    return exchange.sign(path, [version, "private"], request["method"], values)["headers"]["x-api-signature"]


def python_binance_signature(request, pairs):
    from binance.client import Client

    client = Client(KEY, SECRET, ping=False)
    return client._generate_signature(dict(pairs))


def connector_signature(request, pairs):
    from binance.spot import Spot

    client = Spot(api_key=KEY, api_secret=SECRET)
    return client._get_sign(client._prepare_params(dict(pairs)))


def sdk_signature(request, pairs):
    from binance_common.configuration import ConfigurationRestAPI
    from binance_common.utils import encoded_string, get_signature

    configuration = ConfigurationRestAPI(api_key=KEY, api_secret=SECRET)
    return get_signature(configuration, encoded_string(dict(pairs)))


sign = {
    "ccxt": ccxt_signature,
    "ccxt-woox": woox_signature,
    "python-binance": python_binance_signature,
    "binance-connector": connector_signature,
    "binance-sdk": sdk_signature,
}[library]

differ = []
for request in given["requests"]:
    pairs = parse_qsl(request["text"], keep_blank_values=True)
    signature = sign(request, pairs)
    if signature.lower() != request["signature"].lower():
        differ.append({**request, "library_says": signature})
print(json.dumps({"signed_again": len(given["requests"]), "differ": differ[:5]}))
sys.exit(1 if differ or not given["requests"] else 0)
